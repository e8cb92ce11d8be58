"""A version is written without building the objects of its answer, and says the same."""

import json
from datetime import UTC, datetime
from typing import Any

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.actor import Actor, Grant, Role, Scope
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.versions import queries, shown
from app.versions.queries import VersionView
from app.versions.rendering import render, render_page, rendered
from app.versions.schemas import VersionOutput
from app.versions.service import as_output
from app.versions.tables import Version
from tests.actors import Api
from tests.factories import RECIPE, make_draft, make_model, make_ready

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
integer = st.integers(-(2**53) + 1, 2**53 - 1)
real = st.floats(allow_nan=False, allow_infinity=False)
json_value = st.recursive(
    st.none() | st.booleans() | integer | real | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
moment = st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1 < at.year < 9999)
sha = st.binary(min_size=32, max_size=32).map(bytes.hex)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object that lacks any of these, or has them as null: what older rows look like."""
    return st.fixed_dictionaries({}, optional={k: st.none() | v for k, v in fields.items()})


def both(
    needed: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    whole = st.builds(lambda a, b: {**b, **a}, st.fixed_dictionaries(needed), some(**optional))
    return st.builds(lambda a, extra: {**a, **extra}, whole, st.just({"of_old": 1}) | st.just({}))


code = both({"repository": text, "commit": text}, branch=text, dirty=st.booleans(), entrypoint=text)
dataset = both({"name": text, "role": text}, version=text, uri=text, sha256=sha, rows=integer)
step = both({"name": text}, version=text, sha256=sha, description=text)
packages = st.fixed_dictionaries({}, optional={"packages": st.dictionaries(text, text, max_size=3)})
environment = st.builds(
    lambda a, b: {**a, **b}, both({"python": text}, platform=text, hardware=json_value), packages
)
proof = st.fixed_dictionaries({"sha256": sha, "size": integer})
failure = st.fixed_dictionaries(
    {
        "detail": text,
        "files": st.lists(
            st.fixed_dictionaries({"path": text, "expected": proof, "found": st.none() | proof}),
            max_size=2,
        ),
    }
)
recalled = st.fixed_dictionaries({"reason": text, "by": text, "at": moment.map(datetime.isoformat)})
redacted = st.fixed_dictionaries(
    {"id": st.uuids().map(str), "reason": text, "at": moment.map(datetime.isoformat)}
)
parent = st.fixed_dictionaries(
    {"model": st.sampled_from(["churn", "secret"]), "version": st.integers(1, 2**31 - 1)}
)


@st.composite
def views(draw: st.DrawFn) -> VersionView:
    version = Version(
        id=draw(st.uuids()),
        revision=draw(st.integers(1, 2**31 - 1)),
        number=draw(st.integers(1, 2**31 - 1)),
        name=draw(st.none() | text),
        status=draw(st.sampled_from(["draft", "verifying", "ready", "failed", "discarded"])),
        failure=draw(st.none() | failure),
        bytes_verified=draw(st.none() | integer),
        bytes_to_verify=draw(st.none() | integer),
        description=draw(text),
        tags=draw(st.dictionaries(text, text, max_size=3)),
        params=draw(st.dictionaries(text, json_value, max_size=3)),
        metrics=draw(st.dictionaries(text, integer | real, max_size=3)),
        code=draw(st.none() | code),
        datasets=draw(st.lists(dataset, max_size=2)),
        preprocessing=draw(st.lists(step, max_size=2)),
        environment=draw(st.none() | environment),
        seed=draw(st.none() | integer),
        signature=draw(
            st.none() | st.fixed_dictionaries({"inputs": json_value, "outputs": json_value})
        ),
        run=draw(st.none() | both({"tracker": text, "id": text}, url=text)),
        source=draw(st.none() | text),
        files_count=draw(st.integers(0, 3)),
        size=draw(integer),
        manifest_sha256=draw(st.none() | sha),
        recipe_sha256=draw(st.none() | sha),
        recalled=draw(st.none() | recalled),
        overridden=draw(st.booleans()),
        created_by=draw(text),
        created_at=draw(moment),
        updated_at=draw(moment),
        ready_at=draw(st.none() | moment),
    )
    return VersionView(
        version,
        model=draw(text),
        stage=draw(st.none() | st.sampled_from(["production", "qa-2"])),
        aliases=draw(st.lists(text, max_size=2)),
        authors=draw(st.lists(text, max_size=2)),
        parents=draw(st.lists(parent, max_size=3)),
        redacted=draw(st.none() | redacted),
    )


def actor(models: str) -> Actor:
    return Actor(
        identity_id=new_id(),
        name="alice",
        kind="user",
        owner_id=None,
        token_id=new_id(),
        scopes=frozenset({Scope.READ}),
        token_models=None,
        grants=(Grant(Role.READER, models),),
    )


def in_order(value: Any) -> Any:
    """JSON with its keys' order as a part of it."""
    if isinstance(value, dict):
        return [(key, in_order(item)) for key, item in value.items()]
    return [in_order(item) for item in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(view=views(), models=st.sampled_from(["*", "churn"]))
def test_what_is_written_is_what_the_answer_would_be(view: VersionView, models: str) -> None:
    reader = actor(models)
    written = render(view, reader)
    expected = json.loads(as_output(view, reader).model_dump_json())
    assert in_order(json.loads(written)) == in_order(expected)
    assert VersionOutput.model_validate_json(written) == as_output(view, reader)


def test_a_page_is_its_versions_and_its_cursor() -> None:
    assert json.loads(render_page([], actor("*"), None)) == {"items": [], "next_cursor": None}
    assert json.loads(render_page([], actor("*"), 'a"b'))["next_cursor"] == 'a"b'


async def _read(runtime: Runtime, model: str, number: int) -> tuple[Any, Any]:
    """What is written from the bare row, and what the answer's objects would say."""
    everything = actor("*")
    async with runtime.db.reading() as session:
        statement = queries.views.where(Version.number == number)
        view = queries.as_view((await session.execute(statement)).one())
        assert view.model == model
        row = await shown.of(session, view.version.id)
    found = rendered(row)
    assert (found.id, found.revision, found.number) == (
        view.version.id,
        view.version.revision,
        number,
    )
    assert found.is_recalled == (view.version.recalled is not None)
    expected = json.loads(as_output(view, everything).model_dump_json())
    return json.loads(found.body(everything)), expected


async def test_what_is_read_as_text_says_what_the_row_says(admin: Api, runtime: Runtime) -> None:
    await make_model(admin)
    await make_ready(admin, **RECIPE, name="first")
    odd = {"huge": 1e300, "tiny": 1e-9, "whole": 1.0, "ünï": 'a"b\\\n\u2028', "deep": [{"a": [[]]}]}
    await make_draft(
        admin,
        params=odd,
        metrics={"one": 1, "huge": 1e300, "minus": -0.25},
        parents=[{"model": "churn", "version": 1}],
        description='"quoted"\n\ttext',
    )
    await admin.post("/models/churn/versions/1/recall", {"reason": "leaked labels"})
    for number in (1, 2):
        written, expected = await _read(runtime, "churn", number)
        if number == 2:
            expected["params"]["huge"] = 1e300  # PostgreSQL has it with all its zeros
        assert in_order(written) == in_order(expected)
        answered = (await admin.get(f"/models/churn/versions/{number}")).json()
        assert in_order(answered) == in_order(expected)
    assert answered["params"] == odd


async def test_a_row_of_old_is_shown_with_what_it_lacks(
    admin: Api, runtime: Runtime, sql: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    await make_model(admin)
    await make_draft(admin)
    await sql.execute(
        'update versions set code = \'{"commit": "c", "repository": "r"}\', '
        "environment = '{\"python\": \"3.11\"}', signature = 'null', run = 'null', "
        'datasets = \'[{"role": "train", "name": "d"}]\', '
        'recalled = \'{"reason": "x", "by": "carol", "at": "2026-11-23T09:30:00Z"}\''
    )
    written, expected = await _read(runtime, "churn", 1)
    assert in_order(written) == in_order(expected)
    assert written["environment"]["packages"] == {}
    assert written["recalled"]["at"] == "2026-11-23T09:30:00.000000Z"


async def test_the_etag_of_a_stage_tells_its_holders_apart(admin: Api) -> None:
    await make_model(admin)
    tags = set()
    for number in (1, 2):
        await make_ready(admin)
        tags.add((await admin.get(f"/models/churn/versions/{number}")).headers["etag"])
    assert len(tags) == 2, "two versions of the same revision"
    before = await admin.get("/models/churn/versions/latest")
    await admin.delete("/models/churn/versions/2")
    headers = {"If-None-Match": before.headers["etag"]}
    after = await admin.get("/models/churn/versions/latest", headers=headers)
    assert (after.status_code, after.json()["number"]) == (200, 1)
