"""What is kept of versions is shown again only at the revision that it was written of."""

from typing import Any

from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.counting import statements
from tests.factories import make_model, make_ready


async def listed(api: Api, path: str = "/versions", **query: Any) -> list[dict[str, Any]]:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_a_page_shows_each_version_as_it_is_now(admin: Api) -> None:
    await make_model(admin)
    for team in ("fraud", "risk", "fraud"):
        await make_ready(admin, tags={"team": team})
    by_team = {"filter": "tags.team = 'fraud'"}
    assert [each["number"] for each in await listed(admin, **by_team)] == [3, 1]
    await admin.patch("/models/churn/versions/3", json={"description": "Depth 6."})
    await admin.put("/models/churn/aliases/champion", json={"version": 1})
    await admin.patch("/models/churn/versions/2", json={"tags": {"team": "fraud"}})
    third, second, first = await listed(admin, **by_team)
    assert (third["description"], second["tags"], first["aliases"]) == (
        *("Depth 6.", {"team": "fraud"}),
        ["champion"],
    )
    for number in (1, 2, 3):
        one = (await admin.get(f"/models/churn/versions/{number}")).json()
        assert one == {1: first, 2: second, 3: third}[number]


async def test_what_is_kept_is_not_read_again(admin: Api, runtime: Runtime) -> None:
    await make_model(admin)
    for _ in range(3):
        await make_ready(admin)
    await listed(admin)
    with statements(runtime) as sent:
        await listed(admin)
    assert len(sent) == 1
    await admin.patch("/models/churn/versions/2", json={"tags": {"seen": "yes"}})
    with statements(runtime) as sent:
        found = await listed(admin)
    assert len(sent) == 2
    assert [each["tags"] for each in found] == [{}, {"seen": "yes"}, {}]


async def test_parents_in_hidden_models_are_left_out_of_what_is_kept(
    admin: Api, team: Team
) -> None:
    await make_model(admin, "secret")
    await make_ready(admin, "secret")
    await make_model(admin)
    await make_ready(admin, parents=[{"model": "secret", "version": 1}])
    whole = await listed(admin, "/models/churn/versions")
    assert whole[0]["parents"] == [{"model": "secret", "version": 1}]
    rita = await team.person("rita", "reader", models="churn")
    assert (await listed(rita, "/models/churn/versions"))[0]["parents"] == []


async def test_a_page_takes_three_statements_at_most(
    admin: Api, team: Team, runtime: Runtime
) -> None:
    await make_model(admin)
    for number in range(3):
        await make_ready(admin, metrics={"auc": number / 10}, tags={"team": "fraud"})
    rita = await team.person("rita", "reader", models="ch*")
    wanted = {
        "filter": "metrics.auc > 0.05 and tags.team = 'fraud' and name is null",
        "order_by": "params.lr desc",
    }
    for api in (admin, rita):
        with statements(runtime) as sent:
            assert [each["number"] for each in await listed(api, **wanted)] == [3, 2]
        assert 0 < len(sent) <= 3
