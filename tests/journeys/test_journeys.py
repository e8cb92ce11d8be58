"""Governance as a whole: random people try random things, and a model in plain Python (written from
the contract, `tests/journeys/model.py`) says what must come of each.

In `make test` the journeys are always the same few. For a longer run, with others each time:

    STAGEWARD_TEST_EXAMPLES=2000 make test ARGS="-n 0 tests/journeys"

A journey that fails is made as short as it gets, and printed with all requests that were sent.
"""

import asyncio
import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.actors import Api, Team
from tests.journeys.desk import Desk
from tests.journeys.machine import Journey
from tests.journeys.people import enter

EXAMPLES = os.environ.get("STAGEWARD_TEST_EXAMPLES")
settings.register_profile(
    "journeys",
    max_examples=int(EXAMPLES or 25),
    stateful_step_count=40,
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


async def test_the_service_answers_and_shows_what_the_model_says(admin: Api, team: Team) -> None:
    desk = Desk(await enter(admin, team), asyncio.get_running_loop())

    class JourneyHere(Journey):
        def __init__(self) -> None:
            super().__init__(desk)

    budget = settings.get_profile("journeys")
    await asyncio.to_thread(run_state_machine_as_test, JourneyHere, settings=budget)
    for what, times in desk.met.most_common():
        print(f"{times:7} {what}")
