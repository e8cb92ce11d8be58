import pytest

from tests.actors import Api, Team
from tests.promotions.acting import People, make_people


@pytest.fixture
async def people(admin: Api, team: Team) -> People:
    return await make_people(admin, team)
