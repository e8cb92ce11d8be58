"""Whoever is a superuser and changes the record is found out, at the right seal, by the server and
by the offline verifier alike."""

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.seals import queries
from app.seals.keys import PublicKey, Signer
from app.seals.rules import Kept, Place, checkpoint_statement, links
from app.seals.service import Sealer
from tests.actors import Api
from tests.factories import make_model
from tests.seals.record import (
    Sql,
    assert_valid,
    checkpoints,
    exported,
    found,
    judged,
    seal,
    sealed_events,
    tamper,
    verified,
)

TARGET = 4  # the seal that is meddled with, of ten or so


@pytest.fixture
async def ids(admin: Api, runtime: Runtime, sql: Sql) -> list[int]:
    """The events of a sealed record, in its order."""
    for number in range(8):
        await make_model(admin, f"model-{number}", description="as it was")
    await seal(runtime)
    await assert_valid(admin, runtime)
    return await sealed_events(sql)


EDITS = {
    "payload = jsonb_set(payload, '{edited}', '1')": "details_edited",
    "payload = '{}', payload_sha256 = sha256(salt || '{}')": "edited",
    "payload_sha256 = sha256('x')": "edited",
    "subject = 'model:other'": "texts_edited",
    "model = 'other'": "texts_edited",
    "request_id = null": "texts_edited",
    "address = '10.0.0.1'": "texts_edited",
    "salt = sha256('x')": "details_edited",
    "action = 'model.deleted'": "edited",
    "actor = 'somebody'": "edited",
    "actor_id = gen_random_uuid()": "edited",
    "token_id = null": "edited",
    "model_id = gen_random_uuid()": "edited",
    "version = 7": "edited",
    "at = at - interval '1 microsecond'": "edited",
    "at = 'infinity'": "edited",
    "xid = (xid::text::bigint - 1)::text::xid8": "reordered",
    "era = era + 1": "reordered",
}


@pytest.mark.parametrize("edit", EDITS)
async def test_an_edited_event_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int], edit: str
) -> None:
    event = ids[TARGET - 1]
    await tamper(sql, f"update events set {edit} where id = {event}")
    assert await found(admin, runtime) == (TARGET, event, EDITS[edit])
    assert (await verified(admin))["problems"] == 1


async def test_an_event_that_got_another_id_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    event = ids[TARGET - 1]
    await tamper(sql, f"update events set id = default where id = {event}")
    (new,) = await (await sql.execute("select max(id) from events")).fetchone() or (0,)
    found_as = await found(admin, runtime)
    assert found_as in {(TARGET, event, "deleted"), (TARGET, new, "inserted")}


@pytest.mark.parametrize("target", [1, TARGET, -1])
async def test_a_deleted_event_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int], target: int
) -> None:
    event = ids[target] if target < 0 else ids[target - 1]
    await tamper(sql, f"delete from events where id = {event}")
    assert await found(admin, runtime) == (ids.index(event) + 1, event, "deleted")


async def test_an_event_deleted_with_its_seal_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    event = ids[TARGET - 1]
    await tamper(
        sql,
        f"delete from events where id = {event}",
        f"delete from seals where event_id = {event}",
    )
    assert await found(admin, runtime) == (TARGET, None, "seal_missing")


async def test_an_event_deleted_with_its_seal_and_the_rest_renumbered_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    event = ids[TARGET - 1]
    await tamper(
        sql,
        f"delete from events where id = {event}",
        f"delete from seals where event_id = {event}",
        f"update seals set seq = seq + 1000 where seq > {TARGET}",
        "update seals set seq = seq - 1001 where seq > 1000",
        f"update checkpoints set seq = seq - 1 where seq > {TARGET}",
    )
    assert await found(admin, runtime) == (TARGET, ids[TARGET], "edited")


COLUMNS = (
    "era, xid, at, action, actor_id, actor, token_id, model_id, model, version, subject, "
    "request_id, address, salt, payload, payload_sha256"
)


async def test_an_event_inserted_below_the_head_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    event = ids[TARGET - 1]
    await tamper(
        sql,
        f"insert into events ({COLUMNS}) select {COLUMNS} from events where id = {event}",
    )
    (new,) = await (await sql.execute("select max(id) from events")).fetchone() or (0,)
    assert await found(admin, runtime) == (TARGET + 1, new, "inserted")


@pytest.fixture
async def unchecked(sql: Sql) -> AsyncIterator[None]:
    """Places are not checked; a superuser can see to that."""
    await sql.execute("alter table events drop constraint ck_events_place")
    yield
    await tamper(sql, "delete from events")
    check = "add constraint ck_events_place check (era > 0 and id > 0)"
    await sql.execute(f"alter table events {check}")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "place", ["1, '0', 1000000", "0, '3', 1000000", "-1, '9', 1000000", "0, '0', -5"]
)
async def test_an_event_inserted_before_the_first_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int], unchecked: None, place: str
) -> None:
    columns = COLUMNS.removeprefix("era, xid, ")
    await tamper(
        sql,
        f"insert into events (era, xid, id, {columns}) overriding system value "
        f"select {place}, {columns} from events where id = {ids[0]}",
    )
    assert await found(admin, runtime) == (1, int(place.rsplit(maxsplit=1)[-1]), "inserted")


async def test_an_event_below_a_record_without_a_seal_is_found(
    admin: Api, runtime: Runtime, sql: Sql, unchecked: None
) -> None:
    await make_model(admin)
    await tamper(sql, "update events set era = 0 where id = (select min(id) from events)")
    assert (await found(admin, runtime))[::2] == (1, "inserted")


async def test_an_event_with_a_seal_of_its_own_amid_the_record_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    """As somebody makes it who adds events and seals before the worker does."""
    columns = COLUMNS.removeprefix("era, xid, at, ")
    await tamper(
        sql,
        "insert into events (id, era, xid, at, "
        f"{columns}) overriding system value select 1000000, era, xid, '2020-01-01', {columns} "
        f"from events where id = {ids[TARGET]}",
    )
    async with runtime.db.reading() as session:
        head = await queries.head(session)
        assert head is not None
        place = Place(head.era, 0, 0)
        (event,) = [e for e in await queries.behind(session, place, 1000) if e.id == 1000000]
        (forged,) = links(head.seq, head.hash, [event])
    await sql.execute("set session_replication_role = replica")
    await sql.execute(
        "insert into seals (seq, event_id, era, xid, texts_sha256, hash) "
        "values (%s, %s, %s, %s, %s, %s)",
        [*forged[:4], bytes.fromhex(forged.texts_sha256), bytes.fromhex(forged.hash)],
    )
    assert await found(admin, runtime) == (len(ids) + 1, 1000000, "reordered")
    assert (await verified(admin))["unsealed"] == 0


@pytest.mark.parametrize(
    "edit",
    [
        "xid = '9000000000', at = now() - interval '11 minutes'",
        "xid = '9000000000', at = now() + interval '2 days'",
        "era = era + 1, at = 'infinity'",
    ],
)
async def test_an_event_that_never_gets_its_seal_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int], edit: str
) -> None:
    await make_model(admin, "later")
    await tamper(sql, f"update events set {edit} where id = (select max(id) from events)")
    await seal(runtime)
    (event,) = await (await sql.execute("select max(id) from events")).fetchone() or (0,)
    assert await found(admin, runtime) == (None, event, "unsealed")


async def test_a_record_without_a_checkpoint_is_found_at_once(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    await tamper(sql, "delete from checkpoints")
    assert await found(admin, runtime) == (1, None, "unsigned")


async def test_two_events_with_swapped_places_are_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    one, other = ids[TARGET - 1], ids[TARGET]
    await tamper(
        sql,
        f"update events e set xid = o.xid from events o where e.id in ({one}, {other}) "
        f"and o.id in ({one}, {other}) and o.id <> e.id",
    )
    assert await found(admin, runtime) == (TARGET, one, "reordered")


async def test_two_events_with_swapped_contents_are_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    one, other = ids[TARGET - 1], ids[TARGET]
    names = COLUMNS.split(", ")
    await tamper(
        sql,
        f"update events e set ({COLUMNS}) = (select {', '.join(f'o.{n}' for n in names)} "
        f"from events o where o.id in ({one}, {other}) and o.id <> e.id) "
        f"where e.id in ({one}, {other})",
    )
    assert await found(admin, runtime) == (TARGET, one, "reordered")


async def test_seals_that_changed_their_events_are_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    one, other = ids[TARGET - 1], ids[TARGET]
    await tamper(
        sql,
        f"update seals set event_id = -event_id where event_id in ({one}, {other})",
        f"update seals set event_id = {other} + {one} + event_id "
        f"where event_id in (-{one}, -{other})",
    )
    seq, event, kind = await found(admin, runtime)
    assert (seq, event) == (TARGET, other)
    assert kind in ("edited", "reordered")


@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        ("hash = sha256('x')", "seal_edited"),
        ("texts_sha256 = sha256('x')", "edited"),
        ("xid = '3'", "reordered"),
        ("era = 0", "reordered"),
    ],
)
async def test_an_edited_seal_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int], edit: str, kind: str
) -> None:
    await tamper(sql, f"update seals set {edit} where seq = {TARGET}")
    assert await found(admin, runtime) == (TARGET, ids[TARGET - 1], kind)


@pytest.mark.parametrize("target", [1, TARGET])
async def test_a_removed_seal_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int], target: int
) -> None:
    await tamper(sql, f"delete from seals where seq = {target}")
    assert await found(admin, runtime) == (target, ids[target - 1], "seal_missing")


async def rebuild(sql: Sql, runtime: Runtime, begin: int = 1) -> None:
    """Calculate the chain anew from a seal on, as anybody can who reads how it is made."""
    async with runtime.db.reading() as session:
        events = [event for _, event in await queries.links(session, begin - 1, 1000) if event]
        before = await queries.seal(session, begin - 1)
    await sql.execute("set session_replication_role = replica")
    for made in links(begin - 1, before.hash if before else "0" * 64, events):
        await sql.execute(
            "update seals set event_id = %s, texts_sha256 = %s, hash = %s where seq = %s",
            [made.event_id, bytes.fromhex(made.texts_sha256), bytes.fromhex(made.hash), made.seq],
        )
    await sql.execute("set session_replication_role = origin")


async def test_a_chain_that_was_calculated_anew_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    await tamper(sql, f"update events set actor = 'other' where id = {ids[TARGET - 1]}")
    await rebuild(sql, runtime)
    (head,) = await checkpoints(admin)
    assert await found(admin, runtime) == (head["seq"], None, "rebuilt")
    assert (await verified(admin))["problems"] == 1


async def test_a_chain_that_was_calculated_anew_is_not_signed_while_a_worker_remembers(
    admin: Api, runtime: Runtime, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seals.rules.chain.SIGNED_EVERY", timedelta(0))
    sealer = Sealer(runtime)
    await make_model(admin)
    await seal(runtime, sealer)
    await make_model(admin, "other")
    await seal(runtime, sealer)
    (event, *_) = await sealed_events(sql)
    await tamper(
        sql,
        f"update events set actor = 'other', at = at - interval '1 hour' where id = {event}",
        "delete from checkpoints",
    )
    await rebuild(sql, runtime)
    await make_model(admin, "another")
    await seal(runtime, sealer)
    assert await checkpoints(admin) == []
    assert await found(admin, runtime) == (1, None, "unsigned")


async def test_a_forged_checkpoint_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    await tamper(sql, "update checkpoints set signature = sha512('x')")
    assert await found(admin, runtime) == (len(ids), None, "bad_signature")


@pytest.mark.parametrize("edit", ["at = at + interval '1 second'", "hash = sha256('x')"])
async def test_an_edited_checkpoint_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int], edit: str
) -> None:
    await tamper(sql, f"update checkpoints set {edit}")
    assert await found(admin, runtime) == (len(ids), None, "bad_signature")


async def test_a_checkpoint_by_another_key_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    forger = Signer(b"f" * 32)
    await tamper(sql, f"update events set actor = 'other' where id = {ids[TARGET - 1]}")
    await rebuild(sql, runtime)
    async with runtime.db.reading() as session:
        head = await queries.head(session)
        (signed,) = await queries.checkpoints(session, 0, 1000)
    assert head is not None
    signature = forger.sign(checkpoint_statement(head.seq, head.hash, signed.at))
    await sql.execute("set session_replication_role = replica")
    await sql.execute(
        "update checkpoints set hash = %s, signature = %s, key_id = %s",
        [bytes.fromhex(head.hash), signature, forger.public.id],
    )
    assert await found(admin, runtime) == (head.seq, None, "unknown_key")
    await sql.execute("update checkpoints set key_id = %s", [(await key_in_use(admin))["key_id"]])
    assert await found(admin, runtime) == (head.seq, None, "bad_signature")


async def key_in_use(admin: Api) -> dict[str, Any]:
    keys = (await admin.get("/events/checkpoints")).json()["keys"]
    assert [key["in_use"] for key in keys] == [True]
    return dict(keys[0])


async def test_an_end_that_was_cut_off_is_found_by_a_checkpoint_that_was_kept(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    (head,) = await checkpoints(admin)
    kept = Kept(head["seq"], head["hash"])
    await assert_valid(admin, runtime, kept)
    await tamper(
        sql,
        f"delete from events where id in (select event_id from seals where seq > {TARGET})",
        f"delete from seals where seq > {TARGET}",
        "delete from checkpoints",
    )
    await seal(runtime)
    await assert_valid(admin, runtime)
    assert await found(admin, runtime, kept) == (TARGET + 1, None, "truncated")
    await make_model(admin, "later")
    for number in range(9):
        await make_model(admin, f"later-{number}")
    await seal(runtime)
    await assert_valid(admin, runtime)
    seq, _, kind = await found(admin, runtime, kept)
    assert (seq, kind) == (kept.seq, "rewritten")


async def test_a_tampered_event_that_waits_for_its_seal_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    await make_model(admin, "waiting")
    await tamper(
        sql, "update events set payload = '{\"n\": 1}' where id = (select max(id) from events)"
    )
    (event,) = await (await sql.execute("select max(id) from events")).fetchone() or (0,)
    assert await found(admin, runtime) == (None, event, "details_edited")


async def test_the_first_of_several_problems_is_told(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    for seq in (6, 3, 5):
        await tamper(sql, f"update events set actor = 'x' where id = {ids[seq - 1]}")
    assert await found(admin, runtime) == (3, ids[2], "edited")
    assert (await verified(admin))["problems"] == 3


async def test_another_public_key_does_not_do(admin: Api, runtime: Runtime, ids: list[int]) -> None:
    key = Signer(b"x" * 32).public.text
    report = judged(await exported(admin), runtime, key=key)
    assert not report.valid
    assert any("unknown_key" in line for line in report.sentences)
    assert (
        hashlib.sha256(base64.b64decode(key)).hexdigest()[:16]
        == PublicKey(base64.b64decode(key)).id
    )


async def test_an_older_key_counts_where_it_is_named(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int], settings: Settings
) -> None:
    old = await key_in_use(admin)
    new = SecretStr(base64.b64encode(b"n" * 32).decode())
    runtime.settings = settings.model_copy(update={"seal_key": new})
    try:
        told = await verified(admin)
        assert told["first_problem"]["problem"] == "unknown_key"
        runtime.settings = settings.model_copy(
            update={"seal_key": new, "seal_old_keys": f" {old['public_key']} ,"}
        )
        assert (await verified(admin))["valid"]
    finally:
        runtime.settings = settings
