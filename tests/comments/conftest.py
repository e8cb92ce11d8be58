import pytest

from tests.actors import Api, Team
from tests.promotions.acting import People, make_people, registered


@pytest.fixture
async def people(admin: Api, team: Team) -> People:
    """People with a model `churn` of one ready version."""
    people = await make_people(admin, team)
    await registered(people)
    return people
