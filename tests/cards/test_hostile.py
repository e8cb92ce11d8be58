"""Nothing that a teammate wrote is structure in a card or a changelog, asked of a real parser."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cards import card, changelog
from app.cards.facts import Facts
from app.cards.queries import Relative
from app.cards.schemas import ChangelogOutput
from app.cards.sections import SECTIONS, Note, section_of, split
from app.files.tables import File
from app.models.tables import Model
from app.promotions.tables import Promotion, Review
from app.stages.tables import Transition
from app.versions.completeness import assess
from app.versions.schemas import VersionOutput
from app.versions.tables import Version
from tests.core.test_markdown import HOSTILE, PARSER, texts

AT = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
SHA = "ab" * 32
ONE = UUID(int=1)


def recipe(said: str) -> dict[str, Any]:
    """A recipe with this text wherever somebody can write one."""
    return {
        "params": {said: said, "list": [said], "deep": {said: said}},
        "metrics": {said: 0.5},
        "code": {
            "repository": said,
            "commit": said,
            "branch": said,
            "entrypoint": said,
            "dirty": True,
            "diff_sha256": None,
        },
        "datasets": [{"name": said, "role": "train", "version": said, "uri": said, "rows": 3}],
        "preprocessing": [{"name": said, "version": said, "description": said}],
        "environment": {
            "python": said,
            "platform": said,
            "packages": {said: said},
            "container_image": said,
            "hardware": said,
        },
        "seed": 7,
        "signature": {"inputs": [said], "outputs": said},
        "run": {"tracker": said, "id": said, "url": said},
        "source": said,
    }


def facts(said: str, before: str = "before") -> Facts:
    """A version of which everything that can be told was told with this text."""
    people = {"by": said, "reason": said, "at": AT}
    shown = {
        **dict.fromkeys(VersionOutput.model_fields),
        **recipe(said),
        "model": "churn",
        "number": 2,
        "name": said,
        "status": "ready",
        "stage": said,
        "aliases": [said],
        "description": said,
        "tags": {said: said},
        "files_count": 1,
        "parents": [{"model": said, "version": 1}],
        "size": 1,
        "authors": [said],
        "stored": True,
        "recalled": people,
        "redacted": {**people, "id": ONE},
        "overridden": True,
        "created_by": said,
        "created_at": AT,
        "updated_at": AT,
        "ready_at": AT,
        "manifest_sha256": SHA,
        "recipe_sha256": SHA,
    }
    older = Version(number=1, **recipe(before))
    result = {"values": [0.4, 0.5], "differences": [0, 0.1], "better": 1}
    promotion = Promotion(
        id=ONE,
        from_stage=said,
        to_stage=said,
        status="applied",
        reason=said,
        requested_by=said,
        created_at=AT,
        ended_at=AT,
        ended_by=said,
        ended_because=said,
        policy_revision=1,
        override={"by": said, "reason": said},
        findings={"gates": [{"type": said, "passed": True, "detail": said}]},
    )
    review = Review(
        id=ONE,
        promotion_id=ONE,
        reviewer=said,
        decision="approve",
        comment=said,
        at=AT,
    )
    transition = Transition(
        at=AT,
        from_stage=said,
        to_stage=said,
        kind="promotion",
        actor=said,
        reason=said,
    )
    return Facts(
        model=Model(name="churn", description=said, tags={}),
        version=VersionOutput.model_validate(shown),
        notes={section: [Note(said, said, "2026")] for section in SECTIONS},
        predecessor=Relative(older, "before", None),
        against=Relative(older, "holder", "production"),
        metrics=[{"key": said, **result}],
        evaluations=[
            {"dataset": {"name": said, "sha256": SHA}, "metric": said, **result, "stderr": [1, 2]}
        ],
        files=[File(path=said, size=1, sha256=SHA)],
        promotions=[promotion],
        reviews=[review],
        transitions=[transition],
        completeness=assess(recipe(said)),
    )


def log(said: str) -> ChangelogOutput:
    stage = {"at": AT, "kind": "rollback", "from": said, "to": said, "actor": said, "reason": said}
    entry = {
        "number": 2,
        "name": said,
        "description": said,
        "created_by": said,
        "ready_at": AT,
        "recalled": {"reason": said, "by": said, "at": AT},
        "overridden": True,
        "metrics": [
            {"metric": said, "value": 0.5, "before": 0.4, "difference": 0.1, "better": True}
        ],
        "stages": [stage],
    }
    return ChangelogOutput.model_validate({"model": "churn", "items": [entry], "next_cursor": None})


def skeleton(page: str) -> list[str]:
    """The blocks of a page, without what stands in quotations, and without texts."""
    found: list[str] = []
    for token in PARSER.parse(page):
        quoted = found[-1:] == ["blockquote_open"]
        if not quoted or token.type == "blockquote_close":
            found.append(token.type + (token.tag if token.type == "heading_open" else ""))
    return found


def check(page: str) -> None:
    """Of what is in lines, only code, bold and line breaks; of HTML, only that of code."""
    for token in PARSER.parse(page):
        assert token.type != "html_block"
        for child in token.children or ():
            assert child.type in {
                *("text", "text_special", "code_inline", "strong_open", "strong_close"),
                *("hardbreak", "softbreak", "html_inline", "link_open", "link_close"),
            }, child
            if child.type == "html_inline":
                assert child.content in ("<code>", "</code>")
            if child.type == "link_open":
                assert str(child.attrs["href"]).lower().startswith(("http://", "https://"))


# A letter before it: whether there is a text at all does change what stands there.
hostile = texts.map("x{}".format) | st.sampled_from(HOSTILE).map("x\n\n{}\n\nx".format)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile)
def test_a_card_has_the_same_structure_whatever_is_written_into_it(said: str) -> None:
    page = card.write(facts(said))
    check(page)
    assert skeleton(page) == skeleton(card.write(facts("plain")))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile)
def test_a_changelog_has_the_same_structure_whatever_is_written_into_it(said: str) -> None:
    page = changelog.write(log(said))
    check(page)
    assert skeleton(page) == skeleton(changelog.write(log("plain")))


@given(st.text() | st.sampled_from([f"## {name}\ntext" for name in (*SECTIONS, "Limits", "Why")]))
def test_a_comment_is_a_section_only_by_its_heading(text: str) -> None:
    found = split(text)
    if found is not None:
        section, rest = found
        assert section in SECTIONS
        assert text.lstrip().startswith("#")
        assert rest in text


def test_a_section_is_known_however_it_is_spelt() -> None:
    assert section_of("intended_use") == section_of("Intended-Use") == "Intended use"
    assert section_of("limits") == section_of("LIMITATIONS") == "Limitations"
    assert section_of("ethical considerations") == "Ethical considerations"
    assert section_of("team") is None
    assert split("### Limits: ##\nNone.") == ("Limitations", "None.")
    assert split("Limits\nNone.") is None
    assert split("## Limits") is None
