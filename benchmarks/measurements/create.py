"""Registering a version with its recipe."""

import json
from urllib.parse import quote

from benchmarks import team
from benchmarks.harness import Bench, Case
from benchmarks.recipes import registration
from benchmarks.reports import Section
from benchmarks.team import Person

MODELS = 100
RECIPES = 200


def measure(bench: Bench) -> list[Section]:
    """Drafts into many models, into one (whose counter they take in turns), and ready at once."""
    trainer = team.trainer(bench.server)
    names = [f"model {number:03}" for number in range(MODELS)]
    for name in (*names, "one", "one ready"):
        trainer.call("POST", "/models", {"name": name}, expect=201)
    body = registration(0)
    made = trainer.call("POST", f"/models/{quote('one')}/versions", body, expect=201)
    if made["params"] != body["params"] or made["number"] != 1:
        raise team.Refused(f"registering answered {made}")
    spread = [
        _register(trainer, name, number)
        for number, name in zip(range(RECIPES), names * (RECIPES // MODELS), strict=True)
    ]
    one = [_register(trainer, "one", number) for number in range(RECIPES)]
    ready = [_register(trainer, "one ready", number, finalize=True) for number in range(RECIPES)]
    cases = [
        Case(f"a draft, over {MODELS} models", spread, 201),
        Case("a draft, one model", one, 201),
        Case("ready at once, one model", ready, 201),
    ]
    section = bench.compare("Registering a version", cases)
    size = len(json.dumps(body))
    section.remarks.append(
        f"Bodies of about {size:,} bytes: a recipe with code, data, environment and signature. "
        "Each is on disk before its answer; those that come together share a transaction."
    )
    return [section]


def _register(person: Person, model: str, seed: int, *, finalize: bool = False) -> bytes:
    body = {**registration(seed), "finalize": finalize}
    return person.post(f"/models/{quote(model)}/versions", json.dumps(body).encode())
