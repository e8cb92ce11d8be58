"""A metric over the versions of a model, and a version's evaluations by data set."""

from typing import Any

from app.core.runtime import Runtime
from tests.actors import Api
from tests.counting import statements
from tests.evaluations.measuring import body, reported
from tests.factories import make_draft, make_model, make_ready, pointers, problem
from tests.promotions.acting import VERSIONS, People, registered, to_staging

A, B = "aa" * 32, "bb" * 32


async def trend(api: Api, metric: str, **query: Any) -> dict[str, Any]:
    found = await api.get(f"/models/churn/metrics/{metric}", params=query)
    assert found.status_code == 200, found.text
    return dict(found.json())


def values(found: dict[str, Any]) -> list[tuple[int, float]]:
    return [(point["number"], point["value"]) for point in found["points"]]


async def test_a_metric_of_the_versions_is_told_by_number(people: People) -> None:
    await make_model(people.admin)
    await make_ready(people.alice, metrics={"auc": 0.7, "f1": 1}, name="first")
    await make_ready(people.alice, metrics={"f1": 0.5})
    await make_draft(people.alice, metrics={"auc": 0.9})
    await to_staging(people.alice, 1)
    await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Leaks."})
    found = await trend(people.carol, "auc")
    assert (found["key"], found["dataset"], found["next_cursor"]) == ("auc", None, None)
    assert values(found) == [(1, 0.7), (3, 0.9)]
    first, third = found["points"]
    shown = (await people.carol.get(f"{VERSIONS}/1")).json()
    assert first == {
        "number": 1,
        "name": "first",
        "value": 0.7,
        "stderr": None,
        "n": None,
        "sha256": None,
        "at": shown["created_at"],
        "stage": shown["stage"],
        "status": "ready",
        "recalled": True,
    }
    assert (third["status"], third["stage"]) == ("draft", "none")
    assert (await trend(people.carol, "absent"))["points"] == []


async def test_the_latest_report_of_each_version_on_the_data_counts(people: People) -> None:
    await make_model(people.admin)
    for _ in range(3):
        await make_ready(people.alice, metrics={"auc": 0.1})
    await reported(people.ci, body(auc=0.5), 1)
    await reported(people.ci, body("other", auc=0.2), 1)
    latest = await reported(people.ci, body(auc={"value": 0.6, "stderr": 0.01, "n": 9}), 1)
    await reported(people.ci, body(log_loss=0.3), 1)
    await reported(people.ci, body(auc=0.7), 3)
    found = await trend(people.carol, "auc", dataset="holdout")
    assert values(found) == [(1, 0.6), (3, 0.7)]
    point = found["points"][0]
    assert (point["stderr"], point["n"], point["at"]) == (0.01, 9, latest["at"])
    assert (found["dataset"], found["digests_differ"]) == ("holdout", False)


async def test_points_on_other_bytes_are_told_apart(people: People) -> None:
    await make_model(people.admin)
    for number, digest in ((1, A), (2, B), (3, A)):
        await make_ready(people.alice)
        await reported(people.ci, body(sha256=digest, auc=number), number)
    found = await trend(people.carol, "auc", dataset="holdout")
    assert [point["sha256"] for point in found["points"]] == [A, B, A]
    assert found["digests_differ"] is True
    same = await trend(people.carol, "auc", sha256=A)
    assert (values(same), same["digests_differ"]) == ([(1, 1.0), (3, 3.0)], False)
    assert values(await trend(people.carol, "auc", sha256=B, dataset="other")) == []


async def test_a_trend_is_paged_by_number_in_one_statement_beside_the_model(
    people: People, runtime: Runtime
) -> None:
    await make_model(people.admin)
    for number in range(1, 6):
        await make_ready(people.alice, metrics={"val/loss %": number})
    path = "/models/churn/metrics/val%2Floss%20%25"
    with statements(runtime) as sent:
        first = await people.carol.get(path, params={"limit": 3})
    assert len(sent) == 2
    assert values(first.json()) == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert 'rel="next"' in first.headers["link"]
    rest = await people.carol.get(path, params={"limit": 3, "cursor": first.json()["next_cursor"]})
    assert (values(rest.json()), rest.json()["next_cursor"]) == ([(4, 4.0), (5, 5.0)], None)
    wrong = await people.carol.get(path, params={"cursor": "x"})
    assert pointers(problem(wrong, 422, "invalid-request")) == {"cursor"}


async def test_evaluations_by_data_tell_the_latest_of_each_metric(people: People) -> None:
    await registered(people)
    await reported(people.ci, body(sha256=A, auc=0.5, f1=0.4))
    await reported(people.dan, body("holdout v2", A, auc=0.6))
    await reported(people.ci, body(auc=0.7))
    found = await people.carol.get(f"{VERSIONS}/1/evaluations/by-dataset")
    assert found.status_code == 200, found.text
    nameless, by_digest = found.json()["items"]
    assert nameless["dataset"] == {"name": "holdout", "version": None, "sha256": None}
    assert (nameless["reports"], nameless["metrics"]["auc"]["value"]) == (1, 0.7)
    assert by_digest["dataset"] == {"name": "holdout v2", "version": None, "sha256": A}
    assert by_digest["reports"] == 2
    told = {key: (m["value"], m["reported_by"]) for key, m in by_digest["metrics"].items()}
    assert told == {"auc": (0.6, "dan"), "f1": (0.4, "ci")}
    page = await people.carol.get(f"{VERSIONS}/1/evaluations/by-dataset", params={"limit": 1})
    assert page.json()["items"] == [nameless]
    query = {"limit": 1, "cursor": page.json()["next_cursor"]}
    rest = await people.carol.get(f"{VERSIONS}/1/evaluations/by-dataset", params=query)
    assert (rest.json()["items"], rest.json()["next_cursor"]) == ([by_digest], None)
