"""The card of a version over HTTP: what it says, and that it says the same every time."""

from typing import Any

import pytest

from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.counting import statements
from tests.factories import RECIPE, make_draft, make_model, make_ready, problem
from tests.promotions.acting import (
    People,
    apply,
    approve,
    make_people,
    open_promotion,
    say,
    to_production,
    to_staging,
)

HERE = "/models/churn/versions"
DATA = {"name": "holdout", "sha256": "cd" * 32}


@pytest.fixture
async def people(admin: Api, team: Team) -> People:
    found = await make_people(admin, team)
    await make_model(admin, description="Who leaves.", tags={"intended_use": "Retention calls."})
    return found


async def card(api: Api, ref: str | int = 1) -> str:
    found = await api.get(f"{HERE}/{ref}/card")
    assert found.status_code == 200, found.text
    assert found.headers["content-type"] == "text/markdown; charset=utf-8"
    return found.text


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    _, _, rest = text.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0].strip()


async def measure(api: Api, number: int, metrics: dict[str, Any]) -> None:
    told = await api.post(f"{HERE}/{number}/evaluations", {"dataset": DATA, "metrics": metrics})
    assert told.is_success, told.text


async def test_a_card_tells_the_whole_story(people: People) -> None:
    alice, bob = people.alice, people.bob
    await make_ready(alice, **{**RECIPE, "source": None})
    await measure(alice, 1, {"auc": 0.9, "log_loss": 0.3, "spread": 1})
    await to_production(alice, bob, 1)
    await make_draft(
        alice,
        **{**RECIPE, "source": None, "params": {"lr": 0.02, "depth": 6}, "name": "second"},
        parents=[{"model": "churn", "version": 1}],
    )
    await alice.put(f"{HERE}/2/files/model.bin", content=b"weights")
    await alice.post(f"{HERE}/2/finalize")
    await measure(alice, 2, {"auc": {"value": 0.92, "stderr": 0.01}, "log_loss": 0.4, "spread": 2})
    await to_staging(alice, 2)
    promotion = await open_promotion(alice, 2, "production")
    await say(bob, promotion, "comment", comment="Is it *calibrated*?")
    await approve(bob, promotion)
    assert (await apply(alice, promotion)).is_success
    text = await card(people.carol, "production")
    assert text.startswith("# churn 2\n\n- **Name**: second\n- **Stage**: `production`\n")
    assert section(text, "The model") == "> Who leaves."
    assert section(text, "Intended use") == "> Retention calls."
    changed = section(text, "What changed")
    assert changed.startswith("> Depth 6 instead of 4.\n\nCompared with version 1, its parent:")
    assert "| params.lr | `0.01` | `0.02` |" in changed
    assert "| params.optimizer.name | `adam` | — |" in changed
    data = f"| customers | train | — | 48,213 | `{'ab' * 32}` | — |"
    assert data in section(text, "Data")
    assert "| 1 | standard-scaler | `1.9.1` | — |" in section(text, "Preprocessing")
    assert "| random seed | `7` |" in section(text, "Hyperparameters")
    evaluations = section(text, "Evaluations")
    digest = f"`{'cd' * 32}`"
    assert f"| holdout | {digest} | auc | 0.92 ± 0.01 | 0.9 | +0.02 | better |" in evaluations
    assert f"| holdout | {digest} | log\\_loss | 0.4 | 0.3 | +0.1 | worse |" in evaluations
    assert f"| holdout | {digest} | spread | 2 | 1 | +1 |  |" in evaluations
    assert "Against version 1, which holds or held `production` before it." in evaluations
    assert "| numpy | `2.4.0` |" in section(text, "Environment")
    assert f"**Commit**: `{RECIPE['code']['commit']}`" in section(text, "Code")
    assert "| `model.bin` | 7 |" in section(text, "Files")
    review = section(text, "Review record")
    assert "### To production: applied" in review
    assert "- **Asked by**: alice, 20" in review
    assert ": comment: Is it \\*calibrated\\*?" in review
    assert ": approve" in review
    stages = section(text, "Stages")
    assert "| none | staging | promotion | alice | It is better. |" in stages
    assert "| staging | production | promotion | alice | It is better. |" in stages
    assert "/models/churn/versions/2/manifest" in section(text, "How to get it")
    assert "complete to 80 %" in section(text, "How to make it again")
    assert "`code.entrypoint`: It is not known what was run." in text


async def test_limits_are_tags_and_comments_that_begin_with_their_heading(people: People) -> None:
    await make_ready(people.alice, tags={"Limitations": "Not for minors.", "team": "fraud"})
    for body in (
        "## Limitations\nOnly in *Europe*.",
        "I like it.",
        "# Ethical considerations\nNone",
    ):
        said = await people.dan.post(f"{HERE}/1/comments", {"body": body})
        assert said.status_code == 201, said.text
    text = await card(people.carol)
    limits = section(text, "Limitations")
    assert limits.startswith("> Not for minors.\n\n> Only in \\*Europe\\*.\n\nNoted by dan, 20")
    assert section(text, "Ethical considerations").startswith("> None\n\nNoted by dan")
    assert "I like it." not in text
    assert "**Tags**: team = fraud\n" in text
    (comment, *_) = (await people.dan.get(f"{HERE}/1/comments")).json()["items"]
    await people.dan.delete(f"/comments/{comment['id']}")
    assert "Europe" not in await card(people.carol)


async def test_a_recalled_version_says_so_first(people: People) -> None:
    await make_ready(people.alice)
    await people.mia.post(f"{HERE}/1/recall", {"reason": "It leaks."})
    text = await card(people.carol)
    assert text.split("\n\n")[1].startswith("**Recalled: do not use this version.** mia, 20")
    assert text.split("\n\n")[2] == "> It leaks."


async def test_an_override_is_told_for_ever(people: People) -> None:
    await make_ready(people.alice)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    path = f"/promotions/{promotion['id']}/override"
    assert (await people.admin.post(path, {"reason": "Nobody is there."})).is_success
    text = await card(people.carol)
    assert "**An admin once moved it between stages against the rules.**" in text
    assert "against the rules: Nobody is there." in section(text, "Review record")


async def test_a_version_of_which_nothing_is_known_has_a_card_too(people: People) -> None:
    await make_draft(people.alice)
    text = await card(people.carol)
    assert "**It is not ready: it is `draft`.**" in text
    assert "complete to 0 %" in text
    assert "## Data" not in text


async def test_the_same_facts_give_the_same_bytes_and_a_new_fact_gives_others(
    people: People,
) -> None:
    await make_ready(people.alice, **RECIPE)
    first = await people.carol.get(f"{HERE}/1/card")
    again = await people.mia.get(f"{HERE}/latest/card")
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    known = {"If-None-Match": first.headers["etag"]}
    same = await people.carol.get(f"{HERE}/1/card", headers=known)
    assert (same.status_code, same.content) == (304, b"")
    await measure(people.alice, 1, {"auc": 0.9})
    changed = await people.carol.get(f"{HERE}/1/card", headers=known)
    assert changed.status_code == 200
    assert "| auc | 0.9 |" in changed.text


async def test_parents_in_hidden_models_are_left_out(
    people: People, admin: Api, team: Team
) -> None:
    await make_model(admin, "secret")
    await make_ready(admin, "secret")
    await make_ready(people.alice, parents=[{"model": "secret", "version": 1}])
    eve = await team.person("eve", "reader", models="churn")
    assert "secret" not in await card(eve)
    assert "**Made from**: secret 1" in await card(people.carol)


async def test_hidden_is_absent(people: People, team: Team) -> None:
    await make_ready(people.alice)
    stranger = await team.person("eve")
    problem(await stranger.get(f"{HERE}/1/card"), 404, "not-found")


async def test_a_card_takes_as_many_statements_however_much_there_is_to_say(
    people: People, runtime: Runtime
) -> None:
    await make_ready(people.alice)
    await to_production(people.alice, people.bob, 1)
    await make_ready(people.alice)
    await to_staging(people.alice, 2)
    counts = []
    for more in (0, 6):
        for number in range(more):
            await measure(people.alice, 1 + number % 2, {f"m{number}": 1})
            await people.dan.post(f"{HERE}/2/comments", {"body": f"## Limits\n{number}"})
            promotion = await open_promotion(people.alice, 2, "production")
            await say(people.bob, promotion, "comment", comment="Hm.")
            await people.alice.post(f"/promotions/{promotion['id']}/cancel")
        with statements(runtime) as sent:
            await card(people.carol, 2)
        counts.append(len(sent))
    assert counts[1] - counts[0] <= 1  # that there is a review at all
    assert counts[1] <= 14
