"""Editing and deleting: by whom, and what remains."""

import json

import psycopg

from tests.actors import Team
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
    traces,
)
from tests.factories import events, problem
from tests.promotions.acting import People, open_promotion

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def test_an_edit_keeps_every_earlier_text(people: People) -> None:
    said = await comment(people.dan, "First.")
    tag = (await people.dan.get(f"/comments/{said['id']}")).headers["etag"]
    for number, body in enumerate(("Second.", "Third."), 1):
        answer = await edit(people.dan, said, body, headers={"If-Match": tag})
        assert answer.status_code == 200, answer.text
        assert answer.headers["etag"] != tag
        tag = answer.headers["etag"]
        assert (answer.json()["body"], answer.json()["edits"]) == (body, number)
    now = await shown(people.carol, said)
    assert now == {**said, "body": "Third.", "edits": 2, "edited_at": now["edited_at"]}
    second, first = await earlier(people.carol, said)
    assert [first["body"], second["body"]] == ["First.", "Second."]
    assert first["since"] == said["created_at"] < first["until"] == second["since"]
    assert second["until"] == now["edited_at"]
    assert await earlier(people.carol, said, limit=1) == [second, first]
    assert await texts(people.carol) == ["Third."]


async def test_an_edit_is_recorded_by_its_digests(people: People) -> None:
    promotion = await open_promotion(people.alice, 1, "staging")
    said = await comment(people.dan, "Wörd.", on(promotion))
    await edit(people.dan, said, "Another word.")
    (told,) = await events(people.carol, action="comment.edited")
    before, after = traces("Wörd."), traces("Another word.")
    assert told["details"] == {
        "promotion": promotion["id"],
        "changes": {key: {"from": before[key], "to": after[key]} for key in before},
    }


async def test_the_same_text_changes_nothing(people: People) -> None:
    said = await comment(people.dan, "Once.")
    tag = (await people.dan.get(f"/comments/{said['id']}")).headers["etag"]
    answer = await edit(people.dan, said, "Once.", headers={"If-Match": tag})
    assert answer.status_code == 200
    assert answer.json() == said
    assert answer.headers["etag"] == tag
    assert await earlier(people.dan, said) == []
    assert await events(people.admin, action="comment.edited") == []


async def test_only_its_author_edits_a_comment(people: People, team: Team) -> None:
    said = await comment(people.dan, "Mine.")
    for other in (people.alice, people.mia, people.admin):
        body = problem(await edit(other, said, "Yours."), 403, "not-allowed")
        assert body["detail"].startswith("Only dan, who wrote this comment, edits it.")
    problem(await edit(people.carol, said, "Yours."), 403, "not-allowed")
    another_token = await team.token("dan", ["write"])
    assert (await edit(another_token, said, "Still mine.")).status_code == 200
    reading = await team.token("dan", ["read"])
    problem(await edit(reading, said, "No."), 403, "not-allowed")
    assert await texts(people.carol) == ["Still mine."]


async def test_an_owner_does_not_edit_for_a_service_account(people: People) -> None:
    said = await comment(people.ci, "Built.")
    problem(await edit(people.mia, said, "Broken."), 403, "not-allowed")
    assert (await edit(people.ci, said, "Built twice.")).status_code == 200


async def test_who_may_write_no_more_does_not_edit_either(people: People) -> None:
    said = await comment(people.dan, "Mine.")
    grant = {"subject": "dan", "role": "contributor", "models": "*"}
    assert (await people.admin.request("DELETE", "/grants", params=grant)).status_code == 204
    problem(await edit(people.dan, said, "Gone."), 404, "not-found")
    reader = {"subject": "dan", "role": "reader", "models": "*"}
    assert (await people.admin.put("/grants", json=reader)).status_code == 201
    problem(await edit(people.dan, said, "Gone."), 403, "not-allowed")
    problem(await delete(people.dan, said), 403, "not-allowed")


async def test_a_change_under_an_old_etag_is_refused(people: People) -> None:
    said = await comment(people.dan, "First.")
    seen = (await people.dan.get(f"/comments/{said['id']}")).headers["etag"]
    await edit(people.dan, said, "Second.")
    old = {"If-Match": seen}
    problem(await edit(people.dan, said, "Third.", headers=old), 412, "stale-revision")
    problem(await delete(people.dan, said, headers=old), 412, "stale-revision")
    assert await texts(people.carol) == ["Second."]
    assert [each["body"] for each in await earlier(people.carol, said)] == ["First."]
    problem(
        await edit(people.dan, said, "Third.", headers={"If-Match": '"r9"'}), 412, "stale-revision"
    )
    assert (await edit(people.dan, said, "Third.", headers={"If-Match": "*"})).status_code == 200


async def test_what_one_has_already_is_a_304(people: People) -> None:
    said = await comment(people.dan, "First.")
    path = f"/comments/{said['id']}"
    tag = (await people.carol.get(path)).headers["etag"]
    have = {"If-None-Match": tag}
    assert (await people.carol.get(path, headers=have)).status_code == 304
    await edit(people.dan, said, "Second.")
    news = await people.carol.get(path, headers=have)
    assert (news.status_code, news.json()["body"]) == (200, "Second.")
    await delete(people.dan, said)
    gone = await people.carol.get(path, headers={"If-None-Match": news.headers["etag"]})
    assert (gone.status_code, gone.json()["body"]) == (200, None)


async def test_a_deleted_comment_keeps_its_place_without_its_text(people: People) -> None:
    await comment(people.alice, "One.")
    said = await comment(people.dan, "Two.")
    await comment(people.alice, "Three.")
    await edit(people.dan, said, "Two and a half.")
    before = await shown(people.dan, said)
    assert (await delete(people.dan, said)).status_code == 204
    assert await texts(people.carol) == ["One.", None, "Three."]
    for reader in (people.carol, people.dan, people.admin):
        now = (await items(reader))[1]
        assert now == await shown(reader, said)
        assert now == {
            **before,
            "body": None,
            "deleted": True,
            "deleted_by": "dan",
            "deleted_at": now["deleted_at"],
        }
        assert now["deleted_at"] is not None
        answer = await reader.get(f"/comments/{said['id']}/history")
        assert "deleted by dan" in problem(answer, 404, "not-found")["detail"]


async def test_a_maintainer_deletes_what_others_wrote(people: People) -> None:
    for deleter in (people.mia, people.admin):
        said = await comment(people.dan, "Rude.")
        assert (await delete(deleter, said)).status_code == 204
        now = await shown(people.carol, said)
        assert (now["author"], now["deleted_by"]) == ("dan", deleter.name)
        told = (await events(people.carol, action="comment.deleted"))[-1]
        assert told["actor"] == deleter.name
        assert told["details"] == {"promotion": None, "author": "dan", **traces("Rude.")}


async def test_others_do_not_delete_it(people: People, team: Team) -> None:
    said = await comment(people.dan, "Mine.")
    for other in (people.alice, people.ci):
        body = problem(await delete(other, said), 403, "not-allowed")
        assert body["detail"].startswith(
            "Only dan, who wrote this comment, or a maintainer of `churn` deletes it."
        )
    problem(await delete(people.carol, said), 403, "not-allowed")
    problem(await delete(await team.token("mia", ["read", "review"]), said), 403, "not-allowed")
    assert await texts(people.carol) == ["Mine."]


async def test_what_is_deleted_is_not_changed_any_more(people: People) -> None:
    said = await comment(people.dan, "Gone.")
    await delete(people.mia, said)
    for answer in (
        await edit(people.dan, said, "Back."),
        await edit(people.dan, said, "Gone."),
        await delete(people.dan, said),
        await delete(people.mia, said),
    ):
        body = problem(answer, 409, "comment-deleted")
        assert body["detail"].startswith("The comment was deleted by mia at 20")
    problem(await edit(people.alice, said, "Back."), 403, "not-allowed")
    assert len(await events(people.admin, action="comment.deleted")) == 1


async def test_no_event_holds_a_text_and_the_database_keeps_all(people: People, sql: Sql) -> None:
    said = await comment(people.dan, "A first secret.")
    await edit(people.dan, said, "A second secret.")
    await delete(people.dan, said)
    assert "secret" not in json.dumps(await events(people.admin))
    found = await sql.execute(
        "select body from comment_edits where comment_id = %(id)s "
        "union all select body from comments where id = %(id)s",
        {"id": said["id"]},
    )
    assert await found.fetchall() == [("A first secret.",), ("A second secret.",)]


async def test_the_history_goes_on_where_its_page_stopped(people: People) -> None:
    said = await comment(people.dan, "0")
    for number in range(1, 6):
        await edit(people.dan, said, str(number))
    assert [each["body"] for each in await earlier(people.carol, said, limit=2)] == list("43210")
    path = f"/comments/{said['id']}/history"
    for bad in ("abc", "WyJ4Il0", "WyItMSJd", "Wyc5OTk5OTk5OTk5OTk5OTk5OTk5J10"):
        answer = await people.carol.get(path, params={"cursor": bad})
        problem(answer, 422, "invalid-request")
    assert (await people.carol.get(ON_VERSION)).json()["items"][0]["edits"] == 5
