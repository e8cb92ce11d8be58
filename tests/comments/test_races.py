"""Several at once, and those who wait for the promotion meanwhile."""

import asyncio
from collections import Counter

import psycopg

from app.core.runtime import Runtime
from app.core.signals import Hub
from tests.comments.saying import (
    ON_VERSION,
    comment,
    delete,
    earlier,
    edit,
    items,
    on,
    shown,
    texts,
)
from tests.factories import events, problem
from tests.promotions.acting import VERSIONS, People, open_promotion
from tests.promotions.test_waiting import poll, told, until_waiting

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def test_of_edits_at_once_none_is_lost(people: People) -> None:
    said = await comment(people.dan, "0")
    written = [str(number) for number in range(1, 11)]
    answers = await asyncio.gather(*(edit(people.dan, said, body) for body in written))
    assert {answer.status_code for answer in answers} == {200}
    now, before = await shown(people.carol, said), await earlier(people.carol, said)
    assert sorted([now["body"], *(each["body"] for each in before)]) == sorted(["0", *written])
    assert now["edits"] == 10
    assert before[-1]["body"] == "0"
    ends = [now["edited_at"], *(each["since"] for each in before[:-1])]
    assert [each["until"] for each in before] == ends
    assert len(await events(people.admin, action="comment.edited")) == 10


async def test_of_edits_at_once_under_one_etag_one_is_made(people: People) -> None:
    said = await comment(people.dan, "0")
    tag = (await people.dan.get(f"/comments/{said['id']}")).headers["etag"]
    answers = await asyncio.gather(
        *(edit(people.dan, said, str(n), headers={"If-Match": tag}) for n in range(1, 11))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 9}
    assert [each["body"] for each in await earlier(people.carol, said)] == ["0"]


async def test_deletes_at_once_delete_once(people: People) -> None:
    said = await comment(people.dan, "0")
    answers = await asyncio.gather(*(delete(people.dan, said) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {204: 1, 409: 9}
    assert len(await events(people.admin, action="comment.deleted")) == 1


async def test_an_edit_against_a_delete_leaves_it_deleted(people: People) -> None:
    said = await comment(people.dan, "0")
    edited, deleted = await asyncio.gather(edit(people.dan, said, "1"), delete(people.mia, said))
    assert deleted.status_code == 204
    assert edited.status_code in (200, 409)
    now = await shown(people.carol, said)
    assert (now["deleted"], now["body"]) == (True, None)
    assert now["edits"] == (edited.status_code == 200)


async def test_comments_at_once_are_all_kept_in_order(people: People) -> None:
    said = [str(number) for number in range(20)]
    promotion = await open_promotion(people.alice, 1, "staging")
    await asyncio.gather(
        *(comment(people.dan, body) for body in said),
        *(comment(people.alice, body, on(promotion)) for body in said),
    )
    assert sorted(map(str, await texts(people.carol, limit=7))) == sorted(said)
    both = await items(people.carol, promotions="true", limit=7)
    assert len(both) == 40
    assert [each["id"] for each in both] == sorted(each["id"] for each in both)


async def test_what_is_said_comes_after_what_was_said_by_a_clock_ahead(
    people: People, sql: Sql
) -> None:
    promotion = await open_promotion(people.alice, 1, "staging")
    said = await comment(people.dan, "One.", on(promotion))
    ahead = f"f{said['id'][1:]}"
    await sql.execute("update comments set id = %s where id = %s", [ahead, said["id"]])
    await comment(people.dan, "Two.")
    await comment(people.dan, "Three.", on(promotion))
    assert await texts(people.carol, promotions="true") == ["One.", "Two.", "Three."]


async def test_nothing_is_said_about_a_version_once_it_was_deleted(people: People) -> None:
    answers = await asyncio.gather(
        *(people.dan.post(ON_VERSION, {"body": "Wait!"}) for _ in range(5)),
        people.mia.delete(f"{VERSIONS}/1"),
        *(people.dan.post(ON_VERSION, {"body": "Wait!"}) for _ in range(5)),
    )
    assert Counter(answer.status_code for answer in answers)[204] == 1
    assert {answer.status_code for answer in answers} <= {201, 204, 404}
    actions = [each["action"] for each in await events(people.admin, model="churn")]
    assert "comment.added" not in actions[actions.index("version.deleted") :]
    problem(await people.carol.get(ON_VERSION), 404, "not-found")


async def announced(hub: Hub) -> None:
    """Until all that was announced before has come back from PostgreSQL."""
    with hub.subscribed("a test's own topic") as news:
        hub.announce({"a test's own topic"})
        assert news.heard()
        await news.wait(15)


async def test_who_waits_for_a_promotion_is_not_woken(people: People, runtime: Runtime) -> None:
    promotion = await open_promotion(people.alice, 1, "staging")
    await announced(runtime.hub)
    with runtime.hub.subscribed(f"promotion:{promotion['id']}") as news:
        said = await comment(people.dan, "Hurry.", on(promotion))
        await edit(people.dan, said, "Please hurry.")
        await delete(people.dan, said)
        await announced(runtime.hub)
        assert not news.heard()
        await people.alice.post(f"/promotions/{promotion['id']}/cancel")
        assert news.heard()


async def test_a_waiting_request_answers_what_happens_after_a_comment(
    people: People, runtime: Runtime
) -> None:
    promotion = await open_promotion(people.alice, 1, "staging")
    waiting = poll(people.carol, promotion)
    await until_waiting(runtime.hub, promotion)
    await comment(people.dan, "Hurry.", on(promotion))
    await people.alice.post(f"/promotions/{promotion['id']}/cancel")
    (answer,) = await told(waiting)
    assert answer.json()["status"] == "cancelled"
