"""Versions of every sort, made through the API, as the API shows them."""

import random
from typing import Any

import psycopg

from tests.actors import Api
from tests.factories import make_draft, make_model
from tests.search.expressions import DIGESTS, NUMBERS, TEXTS
from tests.search.naive import Row

STORED_TEXTS = tuple(text for text in TEXTS if text)


def recipe(chance: random.Random) -> dict[str, Any]:
    """A recipe in which anything may be absent."""

    def maybe(**fields: Any) -> dict[str, Any]:
        return {key: value for key, value in fields.items() if chance.random() < 0.6}

    def text() -> str:
        return chance.choice(STORED_TEXTS)

    def number() -> float:
        return chance.choice(NUMBERS)

    def anything() -> Any:
        return chance.choice([text(), number(), True, False, None, [1], {"b": text()}])

    def dataset() -> dict[str, Any]:
        role = chance.choice(["train", "test", "other"])
        rest = maybe(
            version=text(), uri=text(), sha256=chance.choice(DIGESTS), rows=chance.choice([0, 2, 3])
        )
        return {"name": text(), "role": role, **rest}

    environment = {
        "python": text(),
        "packages": maybe(numpy=text(), **{"ruamel.yaml": text()}),
        **maybe(platform=text(), container_image=text()),
        "hardware": chance.choice([None, text(), {"gpu": anything()}]),
    }
    code = {
        "repository": text(),
        "commit": text(),
        **maybe(branch=text(), dirty=chance.random() < 0.5, entrypoint=text()),
        **maybe(diff_sha256=chance.choice(DIGESTS)),
    }
    step = {"name": text(), **maybe(version=text(), sha256=chance.choice(DIGESTS), description="a")}
    return maybe(
        description=chance.choice(TEXTS),
        tags=maybe(team=chance.choice(TEXTS), **{"a.b": text(), "odd `key`'": text()}),
        metrics=maybe(auc=number(), loss=number(), **{"top-5": number()}),
        params=maybe(
            lr=anything(),
            optimizer={"name": anything()},
            a=anything(),
            list=[1, 2],
            deep={"x": {"y": anything()}, "x.y": 1},
            flag=anything(),
            **{"optimizer.name": anything(), "a.b": anything()},
        ),
        code=code,
        datasets=[dataset() for _ in range(chance.randint(0, 3))],
        preprocessing=[step] * chance.randint(0, 2),
        environment=environment,
        seed=chance.choice([0, 1, -1, 3]),
        run={"tracker": text(), "id": text(), **maybe(url=text())},
        source=text(),
    )


async def make_rows(admin: Api, sql: psycopg.AsyncConnection[Any], seed: int = 6) -> list[Row]:
    """Two models with 12 versions each: in stages, under aliases, recalled, months apart."""
    chance = random.Random(seed)
    for model in ("a", "ab"):
        await make_model(admin, model)
        for number in range(1, 13):
            made = await make_draft(admin, model, **recipe(chance), finalize=number % 5 > 0)
            if made["status"] != "ready":
                continue
            if number % 3 == 0:
                named = await admin.put(
                    f"/models/{model}/aliases/{chance.choice('ab')}", json={"version": number}
                )
                assert named.status_code in {200, 201}, named.text
            if number % 4 == 0:
                await admin.post(f"/models/{model}/versions/{number}/recall", {"reason": "leaks"})
            elif number % 2 == 0:
                wanted = {"to": "staging", "reason": "try it", "apply": True}
                asked = await admin.post(f"/models/{model}/versions/{number}/promotions", wanted)
                assert asked.json()["status"] == "applied", asked.text
    await sql.execute("set session_replication_role = replica")
    await sql.execute(
        "update versions set created_at = timestamptz '2026-01-01 12:30Z' + number * interval "
        "'1 month', name = case when number % 2 = 0 then chr(90 + number) end"
    )
    await sql.execute("set session_replication_role = origin")
    return await shown(admin)


async def shown(admin: Api) -> list[Row]:
    """Every version as the API shows it."""
    answer = await admin.get("/versions", params={"limit": 200})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])
