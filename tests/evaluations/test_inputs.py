"""What an evaluation may say: the largest of everything is kept, and the rest is pointed at."""

from typing import Any

import psycopg
import pytest

from app.core.canonical import canonical, sha256_hex
from tests.evaluations.measuring import (
    DIGEST,
    EVALUATIONS,
    WHOLE,
    body,
    listed,
    report,
    reported,
)
from tests.factories import events, pointers, problem
from tests.promotions.acting import People, registered

Sql = psycopg.AsyncConnection[tuple[object, ...]]


@pytest.mark.parametrize(
    "name", ["Kunden · Zürich (Ä)", "顧客データ", "🧪 eval", "a\u0301 b/c?&=%"]
)
async def test_data_sets_have_names_in_any_script(people: People, name: str) -> None:
    await registered(people)
    metrics: dict[str, Any] = {"größe/µ ~1": 1.5}
    made = await reported(people.ci, body(name, **metrics))
    assert made["dataset"]["name"] == name
    assert await listed(people.carol, dataset=name) == [made]
    (told,) = await events(people.carol, action="version.evaluated")
    assert told["details"]["dataset"]["name"] == name


NOT_FINITE = "finite"
BAD: list[tuple[str, str, str]] = [
    ('{"auc": NaN}', "/metrics/auc", NOT_FINITE),
    ('{"auc": Infinity}', "/metrics/auc", NOT_FINITE),
    ('{"auc": -Infinity}', "/metrics/auc", NOT_FINITE),
    ('{"auc": 1e999}', "/metrics/auc", NOT_FINITE),
    ('{"auc": {"value": NaN}}', "/metrics/auc/value", NOT_FINITE),
    ('{"auc": {"value": 1, "stderr": Infinity}}', "/metrics/auc/stderr", NOT_FINITE),
    ('{"auc": {"value": 1, "stderr": -0.1}}', "/metrics/auc/stderr", "greater than or equal to 0"),
    ('{"auc": {"value": 1, "stderr": "0.1"}}', "/metrics/auc/stderr", "number"),
    ('{"auc": {"value": 1, "n": 0}}', "/metrics/auc/n", "greater than or equal to 1"),
    ('{"auc": {"value": 1, "n": 1.5}}', "/metrics/auc/n", "integer"),
    ('{"auc": {"value": 1, "n": true}}', "/metrics/auc/n", "integer"),
    ('{"auc": {"value": 1, "n": 9007199254740993}}', "/metrics/auc/n", "less than or equal"),
    ('{"auc": {"value": 1, "sd": 2}}', "/metrics/auc/sd", "value, stderr, n"),
    ('{"auc": {"stderr": 1}}', "/metrics/auc/value", "required"),
    ('{"auc": {}}', "/metrics/auc/value", "required"),
    ('{"auc": "0.9"}', "/metrics/auc", "number"),
    ('{"auc": true}', "/metrics/auc", "number"),
    ('{"auc": null}', "/metrics/auc", "number"),
    ('{"auc": [0.9]}', "/metrics/auc", "number"),
    ('{"auc": 9007199254740993}', "/metrics/auc", "2^53"),
    ('{"a~/b": NaN}', "/metrics/a~0~1b", NOT_FINITE),
    ('{"": 1}', "/metrics/", "at least 1 character"),
    ("{}", "/metrics", "at least 1"),
    ("[]", "/metrics", "object"),
    ("null", "/metrics", "object"),
]


@pytest.mark.parametrize(("metrics", "pointer", "said"), BAD, ids=[each[0] for each in BAD])
async def test_a_metric_that_cannot_be_is_refused_by_name(
    people: People, metrics: str, pointer: str, said: str
) -> None:
    await registered(people)
    sent = await people.ci.request(
        "POST",
        EVALUATIONS,
        content=f'{{"dataset": {{"name": "holdout"}}, "metrics": {metrics}}}',
        headers={"Content-Type": "application/json"},
    )
    told = problem(sent, 422, "invalid-request")
    assert pointers(told) == {pointer}
    assert said in told["errors"][0]["detail"]
    assert await listed(people.carol) == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"dataset": None}, "/dataset"),
        ({"dataset": "holdout"}, "/dataset"),
        ({"dataset": {}}, "/dataset/name"),
        ({"dataset": {"name": ""}}, "/dataset/name"),
        ({"dataset": {"name": "x" * 1001}}, "/dataset/name"),
        ({"dataset": {"name": "a\u0007b"}}, "/dataset/name"),
        ({"dataset": {"name": "a", "sha256": "AB" * 32}}, "/dataset/sha256"),
        ({"dataset": {"name": "a", "digest": DIGEST}}, "/dataset/digest"),
        ({"metrics": {"x" * 251: 1}}, f"/metrics/{'x' * 251}"),
        ({"metrics": {f"m{i}": i for i in range(501)}}, "/metrics"),
        ({"notes": "x" * (64 * 1024 + 1)}, "/notes"),
        ({"notes": "ü" * (32 * 1024 + 1)}, "/notes"),
        ({"source": "x" * 2049}, "/source"),
        ({"source": 7}, "/source"),
        ({"reported_by": "bob"}, "/reported_by"),
        ({"at": "2026-01-01T00:00:00Z"}, "/at"),
    ],
)
async def test_what_is_not_allowed_is_pointed_at(
    people: People, change: dict[str, Any], pointer: str
) -> None:
    await registered(people)
    told = problem(await report(people.ci, {**WHOLE, **change}), 422, "invalid-request")
    assert pointers(told) == {pointer}
    assert await listed(people.carol) == []


async def test_the_dataset_and_the_metrics_are_needed(people: People) -> None:
    await registered(people)
    assert pointers(problem(await report(people.ci, {}), 422, "invalid-request")) == {
        "/dataset",
        "/metrics",
    }
    twice = await people.ci.request(
        "POST",
        EVALUATIONS,
        content='{"dataset": {"name": "a"}, "metrics": {"auc": 1, "auc": 2}}',
        headers={"Content-Type": "application/json"},
    )
    assert "auc" in problem(twice, 400, "malformed-request")["detail"]


async def test_the_largest_and_the_smallest_of_everything_are_kept(
    people: People, sql: Sql
) -> None:
    await registered(people)
    extremes: dict[str, Any] = {
        "largest": 1.7976931348623157e308,
        "smallest": 5e-324,
        "negative": -1.7976931348623157e308,
        "third": 0.1 + 0.2,
        "integer": 2**53 - 1,
        "measured": {"value": 1e22, "stderr": 1e300, "n": 2**53 - 1},
        "k" * 250: -0.5,
    }
    more: dict[str, Any] = {f"m{i}": i / 7 for i in range(500 - len(extremes))}
    wanted = {
        **body("d" * 1000, **extremes, **more),
        "notes": "x" * 64 * 1024,
        "source": "s3://" + "x" * 2043,
    }
    made = await reported(people.ci, wanted)
    assert {key: m["value"] for key, m in made["metrics"].items()} == {
        key: float(m["value"] if isinstance(m, dict) else m) for key, m in wanted["metrics"].items()
    }
    assert made["metrics"]["measured"] == {"value": 1e22, "stderr": 1e300, "n": 2**53 - 1}
    assert await listed(people.carol) == [made]
    row = await (
        await sql.execute(
            "select salt, payload, payload_sha256 from events where action = 'version.evaluated'"
        )
    ).fetchone()
    assert row is not None
    assert sha256_hex(bytes(row[0]) + canonical(row[1])) == bytes(row[2]).hex()  # type: ignore[call-overload]


async def test_a_source_is_text_that_nobody_fetches(people: People) -> None:
    await registered(people)
    source = "http://127.0.0.1:1/secret?x=<script>"
    assert (await reported(people.ci, {**body(), "source": source}))["source"] == source
