"""Trying a convention, and telling what does not follow the one that there is."""

import re
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pages import bad_cursor, decode_cursor, encode_cursor
from app.core.problems import InvalidRequest
from app.models.conventions import Breach, unreadable
from app.models.schemas import NamingRules
from app.models.tables import Model
from app.naming import queries
from app.naming.queries import Named
from app.naming.rules import Convention, Facts, lint_alias, lint_version, preview
from app.naming.schemas import (
    BreachOutput,
    Finding,
    FreePreviewInput,
    PreviewInput,
    PreviewOutput,
    ReportPage,
    Sample,
)
from app.stages.rules import MAX_NUMBER

EXAMINED = 1000  # rows that a page of the report looks at
ALIASES, VERSIONS = "a", "v"
NUMBER = re.compile("[0-9]{1,10}")


async def try_on_model(session: AsyncSession, model: Model, wanted: PreviewInput) -> PreviewOutput:
    """What the model's convention, or what is to take its place, makes of a version."""
    if wanted.version is not None and wanted.sample is not None:
        raise _wrong("/sample", "Give either `version` or `sample`.")
    convention = Convention(model.name, model.name_template, model.naming)
    if "name_template" in wanted.model_fields_set:
        convention = replace(convention, template=wanted.name_template)
    if "naming" in wanted.model_fields_set:
        convention = replace(convention, rules=_rules(wanted.naming))
    facts, own = await _tried(session, model, wanted, convention)
    if wanted.number is not None:
        facts = replace(facts, number=wanted.number)
    if wanted.created_at is not None:
        facts = replace(facts, created_at=wanted.created_at)
    return _previewed(convention, facts, own)


async def try_freely(session: AsyncSession, wanted: FreePreviewInput) -> PreviewOutput:
    """What a convention makes of a version of a model that need not exist."""
    at = wanted.created_at or await queries.now(session)
    facts = _facts(wanted.sample, wanted.number, at)
    convention = Convention(wanted.model, wanted.name_template, _rules(wanted.naming))
    return _previewed(convention, facts, wanted.sample.name)


async def _tried(
    session: AsyncSession, model: Model, wanted: PreviewInput, convention: Convention
) -> tuple[Facts, str | None]:
    if wanted.version is None:
        sample = wanted.sample or Sample()
        return _facts(sample, *await queries.next_number(session, model.id)), sample.name
    found = await queries.version_named(session, model.id, wanted.version)
    if found is None:
        raise _wrong("/version", f"The model `{model.name}` has no version `{wanted.version}`.")
    return _facts_of(found), found.name if convention.template is None else None


def _rules(naming: NamingRules | None) -> dict[str, Any] | None:
    return None if naming is None else naming.model_dump()


def _wrong(pointer: str, detail: str) -> InvalidRequest:
    return InvalidRequest(f"{pointer}: {detail}", errors=[{"pointer": pointer, "detail": detail}])


def _facts(sample: Sample, number: int, at: Any) -> Facts:
    sent = sample.model_dump(exclude={"name"})
    return Facts(number=number, created_at=at, **sent)


def _facts_of(found: Named) -> Facts:
    known = found._asdict()
    del known["name"]
    return Facts(**known)


def _previewed(convention: Convention, facts: Facts, own: str | None) -> PreviewOutput:
    name, breaches = preview(convention, facts, own)
    return PreviewOutput(
        name=name,
        follows=not breaches,
        breaches=_told(breaches),
        number=facts.number,
        created_at=facts.created_at,
        name_template=convention.template,
    )


def _told(breaches: list[Breach]) -> list[BreachOutput]:
    return [BreachOutput.model_validate(each) for each in breaches]


async def report(session: AsyncSession, model: Model, cursor: str | None, limit: int) -> ReportPage:
    """A page of what does not follow the model's convention: it ends with so many findings, or
    once so many rows were looked at."""
    phase, after = _place(cursor)
    convention = Convention(model.name, model.name_template, model.naming)
    walk = _Walk(limit)
    if phase == ALIASES:
        rows = await queries.aliases_after(session, model.id, after, EXAMINED)
        for alias, number in rows:
            walk.look("alias", number, alias, lint_alias(convention, alias), (ALIASES, alias))
        if walk.is_full or len(rows) == EXAMINED:
            return walk.page(model)
        after = None
    left = EXAMINED - walk.examined
    found = await queries.versions_below(session, model.id, after, left)
    for row in found:
        breaches = lint_version(convention, _facts_of(row), row.name)
        walk.look("version", row.number, row.name, breaches, (VERSIONS, row.number))
    return walk.page(model, ended=not walk.is_full and len(found) < left)


class _Walk:
    """What a page has looked at so far, and where the next one goes on."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.examined = 0
        self.items: list[Finding] = []
        self.last: tuple[Any, ...] = (ALIASES, "")

    @property
    def is_full(self) -> bool:
        return len(self.items) >= self.limit

    def look(
        self, kind: Any, number: int, name: str | None, breaches: list[Breach], at: tuple[Any, ...]
    ) -> None:
        if self.is_full:
            return
        self.examined += 1
        self.last = at
        if breaches:
            told = _told(breaches)
            self.items.append(Finding(kind=kind, number=number, name=name, breaches=told))

    def page(self, model: Model, *, ended: bool = False) -> ReportPage:
        return ReportPage(
            items=self.items,
            next_cursor=None if ended else encode_cursor(*self.last),
            examined=self.examined,
            unreadable=unreadable(model.naming or {}),
        )


def _place(cursor: str | None) -> tuple[str, Any]:
    key = decode_cursor(cursor, 2)
    if key is None:
        return ALIASES, None
    phase, after = key
    if phase == ALIASES:
        return phase, after
    if phase != VERSIONS or not NUMBER.fullmatch(after) or int(after) > MAX_NUMBER:
        raise bad_cursor()
    return phase, int(after)
