"""Writing comments and listing them."""

import pytest

from tests.actors import Team
from tests.comments.saying import ON_VERSION, comment, delete, items, on, shown, texts, traces
from tests.factories import events, make_draft, make_model, make_ready, problem
from tests.promotions.acting import VERSIONS, People, ask, look, open_promotion, to_staging


async def test_a_comment_on_a_version_is_told_and_recorded_by_its_digest(people: People) -> None:
    answer = await people.dan.post(ON_VERSION, {"body": "The **split** is wrong: größer."})
    assert answer.status_code == 201
    said = answer.json()
    assert answer.headers["location"] == f"/api/v1/comments/{said['id']}"
    assert (await people.carol.get(f"/comments/{said['id']}")).headers["etag"] == (
        answer.headers["etag"]
    )
    assert said == await shown(people.carol, said)
    assert {key: said[key] for key in said if key not in ("id", "created_at")} == {
        "model": "churn",
        "version": 1,
        "promotion": None,
        "author": "dan",
        "body": "The **split** is wrong: größer.",
        "edited_at": None,
        "edits": 0,
        "deleted": False,
        "deleted_at": None,
        "deleted_by": None,
    }
    (told,) = await events(people.carol, action="comment.added")
    assert (told["actor"], told["model"], told["version"]) == ("dan", "churn", 1)
    assert told["subject"] == f"comment:{said['id']}"
    assert told["details"] == {"promotion": None, **traces("The **split** is wrong: größer.")}


async def test_any_reference_reads_and_takes_comments(people: People) -> None:
    await to_staging(people.alice, 1)
    for ref in ("1", "latest", "staging", "Staging"):
        said = await comment(people.dan, f"On {ref}.", f"{VERSIONS}/{ref}/comments")
        assert said["version"] == 1
        assert len(await texts(people.carol, f"{VERSIONS}/{ref}/comments")) == len(
            await texts(people.carol)
        )
    problem(
        await people.dan.post(f"{VERSIONS}/@champion/comments", {"body": "x"}), 404, "not-found"
    )


async def test_a_draft_and_a_recalled_version_are_commented_on_too(people: People) -> None:
    await make_draft(people.alice)
    await comment(people.dan, "Not yet.", f"{VERSIONS}/2/comments")
    await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})
    await comment(people.dan, "A pity.")
    assert await texts(people.carol) == ["A pity."]


async def test_answers_say_which_version_a_reference_meant(people: People) -> None:
    path = f"{VERSIONS}/latest/comments"
    for _ in range(2):
        for answer in (await people.carol.get(path), await people.dan.post(path, {"body": "x"})):
            assert answer.headers["version-number"] == "1"
            recalled = (await people.carol.get(f"{VERSIONS}/1")).json()["recalled"]
            assert answer.headers.get("version-recalled") == ("true" if recalled else None)
        await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})


async def test_they_are_listed_oldest_first_page_by_page(people: People) -> None:
    for number in range(5):
        await comment(people.dan, f"Number {number}.")
    first = await people.carol.get(ON_VERSION, params={"limit": 2})
    await comment(people.dan, "Number 5.")
    cursor = first.json()["next_cursor"]
    rest = await texts(people.carol, limit=2, cursor=cursor)
    assert [item["body"] for item in first.json()["items"]] + rest == [
        f"Number {number}." for number in range(6)
    ]
    for bad in ("abc", "WyJ4Il0", "WzFd"):
        answer = await people.carol.get(ON_VERSION, params={"cursor": bad})
        problem(answer, 422, "invalid-request")


async def test_comments_on_promotions_are_apart_until_they_are_asked_for(people: People) -> None:
    promotion = await open_promotion(people.alice, 1, "staging")
    other = await open_promotion(people.alice, 1, "archived")
    await make_ready(people.alice)
    elsewhere = await open_promotion(people.alice, 2, "staging")
    await comment(people.dan, "On the version.")
    said = await comment(people.bob, "On the promotion.", on(promotion))
    assert (said["promotion"], said["version"]) == (promotion["id"], 1)
    await comment(people.dan, "On the other.", on(other))
    await comment(people.dan, "On another version's.", on(elsewhere))
    await comment(people.dan, "On the version again.")
    assert await texts(people.carol) == ["On the version.", "On the version again."]
    assert await texts(people.carol, on(promotion)) == ["On the promotion."]
    for limit in (1, 2, 50):
        assert await texts(people.carol, promotions="true", limit=limit) == [
            "On the version.",
            "On the promotion.",
            "On the other.",
            "On the version again.",
        ]
    told = (await events(people.carol, action="comment.added"))[1]
    assert (told["version"], told["details"]["promotion"]) == (1, promotion["id"])


async def test_a_promotion_that_has_ended_is_still_discussed(people: People) -> None:
    promotion = await to_staging(people.alice, 1)
    assert promotion["status"] == "applied"
    await comment(people.dan, "Well done.", on(promotion))
    cancelled = await open_promotion(people.alice, 1, "production")
    await people.alice.post(f"/promotions/{cancelled['id']}/cancel")
    await comment(people.dan, "Why?", on(cancelled))
    assert await texts(people.carol, on(cancelled)) == ["Why?"]


async def test_a_comment_is_no_review(people: People) -> None:
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    before = await people.carol.get(f"/promotions/{promotion['id']}")
    said = await comment(people.bob, "approve", on(promotion))
    await people.bob.patch(f"/comments/{said['id']}", {"body": "reject"})
    await delete(people.bob, said)
    after = await people.carol.get(f"/promotions/{promotion['id']}")
    assert after.json() == before.json()
    assert after.headers["etag"] == before.headers["etag"]
    assert (await look(people.carol, promotion))["reviews"] == []


async def test_a_comment_changes_nothing_of_the_version_and_the_model(people: People) -> None:
    paths = (f"{VERSIONS}/1", "/models/churn", "/models/churn/stages")
    before = [await people.carol.get(path) for path in paths]
    await comment(people.dan, "Fine.")
    after = [await people.carol.get(path) for path in paths]
    assert [a.headers["etag"] for a in after] == [b.headers["etag"] for b in before]
    assert [a.json() for a in after] == [b.json() for b in before]


async def test_readers_read_and_contributors_write(people: People, team: Team) -> None:
    promotion = await open_promotion(people.alice, 1, "staging")
    for path in (ON_VERSION, on(promotion)):
        body = problem(await people.carol.post(path, {"body": "May I?"}), 403, "not-allowed")
        assert "contributor" in body["detail"]
    narrow = await team.token("dan", ["read"])
    body = problem(await narrow.post(ON_VERSION, {"body": "May I?"}), 403, "not-allowed")
    assert "write" in body["detail"]
    assert await items(people.carol) == []


async def test_what_is_hidden_has_no_comments(people: People, team: Team) -> None:
    await make_model(people.admin, "secret")
    await make_ready(people.admin, "secret")
    asked = await people.admin.post(
        "/models/secret/versions/1/promotions", {"to": "staging", "reason": "Try it."}
    )
    on_version = await comment(people.admin, "A secret.", "/models/secret/versions/1/comments")
    on_promotion = await comment(people.admin, "Another.", on(asked.json()))
    eve = await team.person("eve", "maintainer", models="churn")
    for path in (
        "/models/secret/versions/1/comments",
        on(asked.json()),
        f"/comments/{on_version['id']}",
        f"/comments/{on_version['id']}/history",
        f"/comments/{on_promotion['id']}",
    ):
        problem(await eve.get(path), 404, "not-found")
    for path in ("/models/secret/versions/1/comments", on(asked.json())):
        problem(await eve.post(path, {"body": "x"}), 404, "not-found")
    for said in (on_version, on_promotion):
        path = f"/comments/{said['id']}"
        answer = await eve.patch(path, {"body": "x"})
        assert problem(answer, 404, "not-found")["detail"] == (
            f"There is no comment `{said['id']}`, or it is hidden from you."
        )
        problem(await eve.delete(path), 404, "not-found")
    assert [e for e in await events(eve) if e["action"].startswith("comment.")] == []


@pytest.mark.parametrize("named", ["x", "1", "0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a84"])
async def test_what_is_no_comment_is_a_404(people: People, named: str) -> None:
    problem(await people.admin.get(f"/comments/{named}"), 404, "not-found")
    problem(await people.admin.get(f"/comments/{named}/history"), 404, "not-found")
    problem(await people.admin.delete(f"/comments/{named}"), 404, "not-found")
    problem(
        await people.admin.post(f"/promotions/{named}/comments", {"body": "x"}), 404, "not-found"
    )


async def test_they_go_with_the_version_but_stay_with_its_promotions(people: People) -> None:
    """What was decided about a version can be read for ever, and what was said about it."""
    promotion = await open_promotion(people.alice, 1, "staging")
    on_version = await comment(people.dan, "On the version.")
    on_promotion = await comment(people.dan, "On the promotion.", on(promotion))
    assert (await people.mia.delete(f"{VERSIONS}/1")).status_code == 204
    path = f"/comments/{on_version['id']}"
    for answer in (
        await people.carol.get(ON_VERSION),
        await people.dan.post(ON_VERSION, {"body": "x"}),
        await people.carol.get(path),
        await people.carol.get(f"{path}/history"),
        await people.dan.patch(path, {"body": "x"}),
        await people.dan.delete(path),
    ):
        problem(answer, 404, "not-found")
    assert (await look(people.carol, promotion))["status"] == "voided"
    assert await texts(people.carol, on(promotion)) == ["On the promotion."]
    assert (await shown(people.carol, on_promotion))["version"] == 1
    await comment(people.dan, "A pity.", on(promotion))


async def test_they_go_and_come_with_the_model(people: People) -> None:
    promotion = await open_promotion(people.alice, 1, "staging")
    said = [await comment(people.dan, "One."), await comment(people.dan, "Two.", on(promotion))]
    assert (await people.mia.delete("/models/churn")).status_code == 204
    for path in (ON_VERSION, on(promotion), *(f"/comments/{each['id']}" for each in said)):
        problem(await people.admin.get(path), 404, "not-found")
    assert (await people.mia.post("/models/churn/restore")).status_code == 200
    assert await items(people.carol, promotions="true") == said


async def test_a_comment_is_made_once_per_key(people: People) -> None:
    headers = {"Idempotency-Key": "key-1"}
    first = await people.dan.post(ON_VERSION, {"body": "Once."}, headers=headers)
    again = await people.dan.post(ON_VERSION, {"body": "Once."}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replay"] == "true"
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    other = await people.dan.post(ON_VERSION, {"body": "Twice."}, headers=headers)
    problem(other, 422, "invalid-request")
    assert await texts(people.carol) == ["Once."]


async def test_asking_with_an_unknown_parameter_is_refused(people: People) -> None:
    problem(await people.carol.get(ON_VERSION, params={"promotion": "1"}), 422, "invalid-request")
    promotion = (await ask(people.alice, 1, "staging")).json()
    answer = await people.carol.get(on(promotion), params={"promotions": "true"})
    problem(answer, 422, "invalid-request")
