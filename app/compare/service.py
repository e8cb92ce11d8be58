"""Putting versions side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import check
from app.access.table import Permission
from app.compare import queries
from app.compare.queries import Facts
from app.compare.rules import recipe
from app.compare.rules.asked import Named, refused
from app.compare.rules.directions import Direction, by_gates
from app.compare.rules.files import file_rows
from app.compare.rules.hosts import commit_range
from app.compare.rules.results import (
    Measured,
    Subject,
    by_data,
    evaluation_rows,
    metric_rows,
)
from app.compare.rules.rows import Row, cut
from app.compare.tensors import add_tensors
from app.core.actor import Actor
from app.core.schemas import rfc3339
from app.models.tables import Model
from app.policies import service as policies
from app.policies.gates import parse_gate
from app.stages.rules import NO_STAGE
from app.versions import service as versions
from app.versions.dependencies import resolve

SECTIONS = (
    *("evaluations", "metrics", "params", "datasets", "preprocessing", "code"),
    *("environment", "files", "about"),
)
Answer = dict[str, Any]


@dataclass(slots=True)
class Sides:
    """The versions that are compared, in the order in which they were named."""

    model: str
    named: Sequence[Named]
    facts: list[Facts]
    baseline: int
    only_differing: bool
    cut: list[str] = field(default_factory=list)
    """The sections of which there is more than is shown."""

    @property
    def ids(self) -> list[UUID]:
        """Their ids."""
        return [each.version.id for each in self.facts]

    def of(self, name: str) -> list[Any]:
        """A field of each version."""
        return [getattr(each.version, name) for each in self.facts]

    def shown(self, section: str, rows: Iterable[Row]) -> list[Row]:
        """The rows of a section, as many as one answer holds."""
        found, is_cut = cut(rows, only_differing=self.only_differing)
        if is_cut and section not in self.cut:
            self.cut.append(section)
        return found


async def compare(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    named: Sequence[Named],
    baseline: int,
    *,
    only_differing: bool,
) -> Answer:
    """All that differs between versions, or is the same, as it is answered."""
    ids = await _resolve(session, actor, named)
    found = await queries.facts(session, ids)
    if len(found) != len(ids):  # one was deleted since
        found = await queries.facts(session, await _resolve(session, actor, named))
    sides = Sides(model.name, named, found, baseline, only_differing)
    by_policy = await directions(session, model)
    sections = {
        "evaluations": await _evaluations(session, sides, by_policy),
        "metrics": sides.shown("metrics", metric_rows(sides.of("metrics"), baseline, by_policy)),
        **_recipes(sides),
        "files": await _files(session, sides),
        "about": sides.shown("about", recipe.about_rows(_about(actor, found), baseline)),
    }
    code = sides.of("code")
    ranges = [commit_range(at, code[baseline], each) for at, each in enumerate(code)]
    return {
        "model": model.name,
        "versions": [_shown(*pair) for pair in zip(named, found, strict=True)],
        "baseline": baseline,
        **{name: sections[name] for name in SECTIONS},
        "commits": [each for each in ranges if each is not None],
        "truncated": sorted(sides.cut),
    }


async def _resolve(session: AsyncSession, actor: Actor, named: Sequence[Named]) -> list[UUID]:
    """What each reference means, each another version; or the 404, 409 or 422 that says why not."""
    for each in named:
        check(actor, Permission.VERSIONS_READ, each.model)
    asked = [each for each in named if "\0" not in each.model + each.ref]
    found = iter(await queries.resolved(session, asked) if asked else [])
    places: dict[UUID, Named] = {}
    for each in named:
        ids = next(found) if each in asked else []
        if not ids:  # says whether it is the model that is not there
            ids = [(await resolve(session, actor, each.model, each.ref)).version.id]
        other = places.setdefault(versions.only(ids, each.model, each.ref), each)
        if other is not each:
            detail = (
                f"`{other.text[:200]}` and `{each.text[:200]}` are the same version. "
                "Name each version once."
            )
            raise refused("versions", detail)
    return list(places)


async def directions(session: AsyncSession, model: Model) -> dict[str, Direction]:
    """Which way the policy of a model says that its metrics are better."""
    policy = (await policies.in_force(session, model)).policy
    return by_gates(parse_gate(gate) for stage in policy.stages for gate in stage.gates)


async def _evaluations(
    session: AsyncSession, sides: Sides, by_policy: dict[str, Direction]
) -> list[Row]:
    if any(each.reports > queries.MOST_REPORTS for each in sides.facts):
        sides.cut.append("evaluations")
    by_version = await reported(session, sides.ids)
    return sides.shown("evaluations", evaluation_rows(by_version, sides.baseline, by_policy))


async def reported(
    session: AsyncSession, version_ids: Sequence[UUID]
) -> list[dict[Subject, Measured]]:
    """What was reported of each of these versions, by metric and data."""
    found = await queries.reports(session, version_ids)
    return by_data(
        [
            [(r.dataset, r.sha256, r.metric, r.measured) for r in found if r.version_id == each]
            for each in version_ids
        ]
    )


def _recipes(sides: Sides) -> dict[str, list[Row]]:
    at = sides.baseline
    return {
        "params": sides.shown("params", recipe.flat_rows(sides.of("params"), at)),
        "datasets": sides.shown("datasets", recipe.dataset_rows(sides.of("datasets"), at)),
        "preprocessing": sides.shown(
            "preprocessing", recipe.step_rows(sides.of("preprocessing"), at)
        ),
        "code": sides.shown("code", recipe.part_rows(sides.of("code"), at)),
        "environment": sides.shown(
            "environment", recipe.environment_rows(sides.of("environment"), at)
        ),
    }


async def _files(session: AsyncSession, sides: Sides) -> list[Row]:
    found: dict[UUID, dict[str, dict[str, Any]]] = {each: {} for each in sides.ids}
    rows = await queries.files(session, sides.ids, only_differing=sides.only_differing)
    for version_id, path, sha256, size in rows:
        found[version_id][path] = {"sha256": sha256, "size": size}
    shown = sides.shown("files", file_rows([found[each] for each in sides.ids], sides.baseline))
    await add_tensors(session, shown, sides.baseline)
    return shown


def _shown(named: Named, found: Facts) -> Answer:
    version = found.version
    return {
        "ref": named.text,
        "model": found.model,
        "number": version.number,
        "name": version.name,
        "status": version.status,
        "stage": found.stage or NO_STAGE,
        "aliases": found.aliases or [],
        "recalled": version.recalled is not None,
    }


def _about(actor: Actor, found: Sequence[Facts]) -> list[Answer]:
    return [
        {
            "name": each.version.name,
            "description": each.version.description,
            **{f"tags.{key}": value for key, value in sorted(each.version.tags.items())},
            "seed": each.version.seed,
            "signature": each.version.signature,
            "parents": [
                f"{parent['model']} {parent['version']}"
                for parent in each.parents or []
                if actor.role_on(parent["model"]) is not None
            ],
            "run": each.version.run,
            "source": each.version.source,
            "size": each.version.size,
            "files_count": each.version.files_count,
            "authors": each.authors,
            "created_by": each.version.created_by,
            "created_at": rfc3339(each.version.created_at),
            "ready_at": each.version.ready_at and rfc3339(each.version.ready_at),
            "manifest_sha256": each.version.manifest_sha256,
            "recipe_sha256": each.version.recipe_sha256,
        }
        for each in found
    ]
