"""What stands instead of the default policy: what it leaves out is no stage of the model."""

from tests.actors import Api
from tests.factories import make_model, make_ready, problem
from tests.policies.acting import default_with, put_default, put_own
from tests.promotions.acting import ask, to_staging

WITHOUT_STAGING = {"stages": [{"name": "production", "from": ["none"], "exclusive": True}]}


async def stage_names(api: Api) -> list[str]:
    found = await api.get("/models/churn/stages")
    assert found.status_code == 200, found.text
    return [each["stage"] for each in found.json()["stages"]]


async def test_a_held_stage_cannot_be_left_out_by_what_stands_instead_of_the_default(
    admin: Api,
) -> None:
    await make_model(admin)
    await make_ready(admin)
    await to_staging(admin, 1)
    body = {**WITHOUT_STAGING, "replaces_default": True}
    refused = problem(await admin.put("/models/churn/policy", json=body), 409, "stage-in-use")
    assert refused["held"] == [{"model": "churn", "stage": "staging", "versions": [1], "count": 1}]
    assert (await ask(admin, 1, "archived", apply=True)).json()["status"] == "applied"
    await put_own(admin, **body)


async def test_a_stage_that_was_left_out_is_no_stage_of_the_model(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin)
    await put_own(admin, **WITHOUT_STAGING, replaces_default=True)
    assert await stage_names(admin) == ["production", "archived"]
    problem(await ask(admin, 1, "staging"), 422, "invalid-request")
    problem(await admin.get("/models/churn/stages/staging"), 404, "not-found")
    rollback = {"stage": "staging", "reason": "It was better."}
    problem(await admin.post("/models/churn/rollback", rollback), 404, "not-found")
    await put_default(admin, {"name": "shadow", "from": ["none"]})
    assert await stage_names(admin) == ["production", "archived"]
    assert (await admin.delete("/models/churn/policy")).status_code == 204
    assert await stage_names(admin) == ["staging", "production", "shadow", "archived"]


async def test_a_stage_comes_back_only_where_its_name_is_free(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin)
    await put_own(admin, **WITHOUT_STAGING, replaces_default=True)
    put = await admin.put("/models/churn/aliases/staging", json={"version": 1})
    assert put.status_code == 200, put.text
    taken = [{"model": "churn", "kind": "alias", "name": "staging", "number": 1}]
    refused = problem(await admin.delete("/models/churn/policy"), 409, "stage-name-taken")
    assert refused["taken"] == taken
    adding = await admin.put("/models/churn/policy", json=default_with())
    assert problem(adding, 409, "stage-name-taken")["taken"] == taken
    assert (await admin.delete("/models/churn/aliases/staging")).status_code == 204
    assert (await admin.delete("/models/churn/policy")).status_code == 204
