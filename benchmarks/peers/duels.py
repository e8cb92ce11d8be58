"""What both servers are asked at a million versions."""

import random
from typing import Any
from urllib.parse import quote

from benchmarks.million.population import BIG, SEED, TEAMS, Population
from benchmarks.million.stages import plans
from benchmarks.peers import requests
from benchmarks.peers.requests import Duel, Request, Theirs
from benchmarks.recipes import registration
from benchmarks.team import Person

ASKED = 200  # models that are asked for, spread over all
NEW_MODELS = 200  # that versions are registered in
BODIES = 400
ASKING = TEAMS[:8]


def reading(population: Population) -> list[Duel]:
    """Resolving and pages, over models of every size and in the largest."""
    names = [population.name(plan.model) for plan in plans(population)[1:] if plan.holder]
    names = random.Random(SEED).sample(names, min(ASKED, len(names)))
    return [
        requests.by_stage("by stage", names),
        requests.by_alias("by alias", names),
        requests.pages("50 versions of a model", [("", "", name) for name in names]),
        requests.pages(
            "50 versions by a tag, all models",
            [(f"tags.team = '{team}'", f"tags.team = '{team}'", None) for team in ASKING],
        ),
        requests.pages(
            "50 versions by a rare tag, all models",
            [("tags.audit = '2026-q1'", "tags.audit = '2026-q1'", None)],
        ),
        requests.pages(
            f"50 versions of {population.big:,}, by a tag",
            [(f"tags.team = '{team}'", f"tags.team = '{team}'", BIG) for team in ASKING],
        ),
        requests.pages(f"50 versions of {population.big:,}", [("", "", BIG)]),
        requests.by_alias(f"by alias, a model of {population.big:,}", [BIG]),
        requests.by_stage(f"by stage, a model of {population.big:,}", [BIG]),
    ]


def creating(person: Person, theirs: Theirs, run: str) -> list[Duel]:
    """Registering over many models, which are made here, the same for both."""
    names = [f"bench {run} {number:03}" for number in range(NEW_MODELS)]
    for name in names:
        person.call("POST", "/models", {"name": name}, expect=201)
        theirs.call("POST", "/registered-models/create", {"name": name})
    told = [(names[n % NEW_MODELS], registration(n)) for n in range(BODIES)]
    other = [_their_version(name, body) for name, body in told]
    return [
        Duel("a draft, the same facts", [_facts(name, body) for name, body in told], other, 201),
        Duel(
            "a draft, the whole recipe", [_version(name, body) for name, body in told], other, 201
        ),
        Duel(
            "ready at once, the same facts",
            [_facts(name, body, finalize=True) for name, body in told],
            other,
            201,
        ),
        Duel(
            "ready at once, the whole recipe",
            [_version(name, {**body, "finalize": True}) for name, body in told],
            other,
            201,
        ),
    ]


def _version(name: str, body: dict[str, Any]) -> Request:
    return Request(f"/models/{quote(name)}/versions", body)


def _facts(name: str, body: dict[str, Any], **more: object) -> Request:
    """Only what MLflow's request says as well."""
    told = {key: body[key] for key in ("description", "tags", "run")}
    return _version(name, {**told, "source": _source(body), **more})


def _their_version(name: str, body: dict[str, Any]) -> Request:
    told = {
        "name": name,
        "source": _source(body),
        "run_id": body["run"]["id"],
        "description": body["description"],
        "tags": [{"key": key, "value": value} for key, value in body["tags"].items()],
    }
    return Request("/model-versions/create", told)


def _source(body: dict[str, Any]) -> str:
    return f"s3://models/{body['run']['id']}/artifacts/model"
