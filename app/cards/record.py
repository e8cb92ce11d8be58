"""The review record of a version, as blocks of Markdown."""

from collections.abc import Iterator, Sequence

from app.cards.words import facts, maybe, moment, titles
from app.core import markdown as md
from app.core.markdown import Markdown
from app.promotions.tables import Promotion, Review
from app.stages.tables import Transition


def promotions(found: Sequence[Promotion], reviews: Sequence[Review]) -> Iterator[Markdown]:
    """Each promotion: who asked, what the gates said, who reviewed it, and how it ended."""
    for promotion in found:
        to, status = md.text(promotion.to_stage), md.ours(f": {promotion.status}")
        yield md.heading(3, md.joined([md.ours("To "), to, status]))
        yield _about(promotion)
        yield md.bullets(_gates(promotion))
        yield md.bullets(
            _review(promotion, each) for each in reviews if each.promotion_id == promotion.id
        )


def _about(promotion: Promotion) -> Markdown:
    asked = [md.text(promotion.requested_by), md.ours(f", {moment(promotion.created_at)}")]
    return facts(
        [
            ("From", md.text(promotion.from_stage)),
            ("Asked by", md.joined(asked)),
            ("Reason", md.text(promotion.reason, longest=2000)),
            ("Policy", md.ours(f"revision {promotion.policy_revision}")),
            ("Overridden by", _override(promotion)),
            ("Ended by" if promotion.status != "applied" else "Applied by", _end(promotion)),
            ("Because", md.text(promotion.ended_because or "", longest=2000)),
        ]
    )


def _override(promotion: Promotion) -> Markdown:
    if promotion.override is None:
        return md.NOTHING
    by, why = str(promotion.override.get("by")), str(promotion.override.get("reason"))
    said = [md.text(by), md.ours(", against the rules: "), md.text(why, longest=2000)]
    return md.joined(said)


def _end(promotion: Promotion) -> Markdown:
    if promotion.ended_by is None:
        return md.NOTHING
    return md.joined([md.text(promotion.ended_by), md.ours(f", {moment(promotion.ended_at)}")])


def _gates(promotion: Promotion) -> Iterator[Markdown]:
    for gate in promotion.findings.get("gates") or ():
        verdict = "passed" if gate.get("passed") else "not passed"
        kind = md.text(str(gate.get("type")))
        detail = md.text(str(gate.get("detail") or ""), longest=1000)
        yield md.joined([md.ours("Gate "), kind, md.ours(f", {verdict}: "), detail])


def _review(promotion: Promotion, review: Review) -> Markdown:
    stale = promotion.findings.get("stale") or {}
    said = [md.text(review.reviewer), md.ours(f", {moment(review.at)}: {review.decision}")]
    if str(review.id) in stale:
        said.append(md.ours(" (stale)"))
    if review.comment:
        said += [md.ours(": "), md.text(review.comment, longest=4000)]
    return md.joined(said)


def transitions(found: Sequence[Transition]) -> Markdown:
    """Every change of its stage."""
    rows = [
        [
            md.ours(moment(each.at)),
            md.text(each.from_stage),
            md.text(each.to_stage),
            md.ours(each.kind),
            md.text(each.actor),
            maybe(each.reason),
        ]
        for each in found
    ]
    names = titles("When", "From", "To", "By a", "Who", "Reason")
    return md.table(names, rows) if rows else md.NOTHING
