"""Removing a text for good."""

import contextlib
from functools import cache
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.schemas import EventOutput
from app.core import actor as actors
from app.core.actor import Actor
from app.core.canonical import digest_of
from app.core.db import announce
from app.core.etags import etag
from app.core.ids import new_id
from app.core.pages import Page, cursor_id, cut, encode_cursor
from app.core.problems import NotFound
from app.evaluations.schemas import EvaluationOutput
from app.policies.schemas import PolicyInput, PolicyRevisionOutput
from app.promotions.schemas import PromotionOutput
from app.redactions import queries, rules, telling
from app.redactions.places import LEFT, RIGHTS
from app.redactions.problems import invalid
from app.redactions.rewriting import Found, alone, rewrite_all
from app.redactions.schemas import LeftOutput, PlaceOutput, RedactionInput, RedactionOutput
from app.redactions.tables import Redaction, RedactionPlace
from app.versions.moments import annotated
from app.versions.schemas import VersionInput, VersionOutput

EVENTS = "events"
STAYS = "left: "
SHAPES = (
    *(VersionInput, VersionOutput, PolicyInput, PolicyRevisionOutput),
    *(PromotionOutput, EvaluationOutput, EventOutput),
)
# Fields of what is kept with a promotion and shown in other words.
FINDINGS = ("counting", "rejected_by")


class _Undone(Exception):
    """Ends a dry run."""


async def redact(session: AsyncSession, actor: Actor, wanted: RedactionInput) -> RedactionOutput:
    """Replace a text everywhere, or nowhere: then a problem says why."""
    secret = wanted.text.get_secret_value()
    _check(secret, wanted.reason)
    await alone(session)
    if wanted.dry_run:
        found = None
        with contextlib.suppress(_Undone):
            async with session.begin_nested():
                found = (await _carry_out(session, actor, wanted.reason, secret))[1]
                raise _Undone
        return _output(None, found.rows if found else {}, wanted.reason, actor.name)
    redaction, done = await _carry_out(session, actor, wanted.reason, secret)
    await _tell(session, actor, redaction, done)
    return _output(redaction, done.rows, wanted.reason, actor.name)


async def get(session: AsyncSession, redaction_id: UUID) -> RedactionOutput:
    """A redaction, or a 404."""
    found = await queries.one(session, redaction_id)
    if found is None:
        raise NotFound(f"There is no redaction {redaction_id}. `GET /redactions` lists them.")
    places = await queries.places(session, [found.id])
    return _output(found, places[found.id], found.reason, found.by)


def tag(redaction: RedactionOutput) -> str:
    """The ETag of a redaction: all that can change is what a later one takes out of its texts."""
    return etag(int(digest_of([redaction.reason, redaction.by])[:12], 16))


async def page(session: AsyncSession, *, cursor: str | None, limit: int) -> Page[RedactionOutput]:
    """A page of redactions, the newest first."""
    found = await queries.page(session, after=cursor_id(cursor), limit=limit)
    rows, more = cut(found, limit)
    places = await queries.places(session, [row.id for row in rows])
    return Page(
        items=[_output(row, places[row.id], row.reason, row.by) for row in rows],
        next_cursor=encode_cursor(rows[-1].id) if more else None,
    )


def _check(secret: str, reason: str) -> None:
    if secret in reason:
        raise invalid("/reason", "Must not hold the text itself: the reason is kept.")
    if any(secret in word for word in _own_words()):
        raise invalid("/text", "Is a word of this service's own, without which it cannot work.")
    if rules.runs_into_markers(secret):
        raise invalid("/text", "Must not end as a marker begins. Leave its last characters out.")


@cache
def _own_words() -> frozenset[str]:
    """The fields and fixed words of what is kept as JSON."""
    schemas = [shape.model_json_schema() for shape in SHAPES]
    kept = (*telling.FIELDS, *FINDINGS, audit.SYSTEM, rules.STEM)
    return frozenset({*kept, *rules.words_of(schemas)})


async def _carry_out(
    session: AsyncSession, actor: Actor, reason: str, secret: str
) -> tuple[Redaction, Found]:
    redaction_id = new_id()
    while not rules.fits(rules.marker_of(redaction_id), secret):
        redaction_id = new_id()
    marker = rules.marker_of(redaction_id)
    redaction = Redaction(id=redaction_id, by=actor.name, reason=reason, marker=marker)
    session.add(redaction)
    await session.flush()
    found = await rewrite_all(session, redaction_id, marker, secret)
    still = await queries.still_there(session, secret)
    found.rows |= {f"{STAYS}{place}": rows for place, rows in still.items()}
    if found.events:
        found.rows[EVENTS] = len(found.events)
    for place, rows in found.rows.items():
        session.add(RedactionPlace(redaction_id=redaction_id, place=place, rows=rows))
    await session.flush()
    await session.refresh(redaction)
    return redaction, found


async def _tell(session: AsyncSession, actor: Actor, redaction: Redaction, found: Found) -> None:
    """Record it, and have others look again at what is not what they saw."""
    await telling.tell(session, actor, redaction, found.events, found.told)
    if RIGHTS & {place.partition(".")[0] for place in found.rows}:
        announce(session, actors.RIGHTS)
    for model, version in await queries.undecided(session, redaction.id):
        await annotated.tell(session, actor, model, version)


def _output(
    redaction: Redaction | None, rows: dict[str, int], reason: str, by: str
) -> RedactionOutput:
    places = {place: count for place, count in rows.items() if not place.startswith(STAYS)}
    stays = {place: rows[f"{STAYS}{place}"] for place in LEFT if f"{STAYS}{place}" in rows}
    events = places.pop(EVENTS, 0)
    return RedactionOutput(
        id=redaction.id if redaction else None,
        marker=redaction.marker if redaction else None,
        reason=reason,
        by=by,
        at=redaction.at if redaction else None,
        places=[PlaceOutput(place=place, rows=places[place]) for place in sorted(places)],
        events=events,
        left=[LeftOutput(place=p, rows=n, how=LEFT[p][2]) for p, n in stays.items()],
    )
