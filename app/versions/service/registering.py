"""Registering versions: one statement numbers and inserts them (`stageward_register`, migration
0012), and any number of those who ask at the same moment share it.

Whoever shares depends on nobody. A model that somebody else holds is waited for apart, by those
alone who want that model; and where a shared statement fails, each goes on by itself.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.canonical import recanonical, sha256_hex
from app.core.db import Database
from app.core.ids import new_id
from app.versions.rules import RECIPE_FIELDS
from app.versions.schemas import VersionInput

MOST_TOGETHER = 50
LANES = 2  # so many shared statements at a time: one is prepared while another is written to disk
STATEMENT = text(
    "select place, outcome, number, at, convention "
    "from stageward_register(cast(:wanted as json), :patient)"
)
Outcome = Literal["made", "absent", "busy", "convention", "name", "alone"]
_NO_PARENTS: list[Any] = []


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to register. `judged` is whether its name and tags were looked at under the
    model's naming convention; `manifest_sha256` makes it ready at once, and is that of its files,
    of which there are none yet."""

    actor: Actor
    model: str
    wanted: VersionInput
    name: str | None
    name_rendered: bool = False
    judged: bool = False
    manifest_sha256: str | None = None
    recipe_sha256: str | None = None
    events: tuple[dict[str, Any], ...] = ()

    def row(self, place: int, version_id: UUID) -> bytes:
        """It as JSON, for the statement."""
        ours = {
            "place": place,
            "id": version_id,
            "model": self.model,
            "judged": self.judged,
            "name": self.name,
            "name_rendered": self.name_rendered,
            "actor_id": self.actor.identity_id,
            "actor": self.actor.name,
            "owner_id": self.actor.owner_id,
            "events": self.events,
            "manifest_sha256": self.manifest_sha256,
            "recipe_sha256": self.recipe_sha256,
        }
        recipe = self.wanted.__pydantic_serializer__.to_json(self.wanted, exclude=_OURS)
        return to_json(ours)[:-1] + b"," + recipe[1:]


_OURS = {"name", "parents", "files", "finalize"}


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a draft. `convention` is the model's, where that is in the way."""

    outcome: Outcome
    id: UUID
    number: int
    at: datetime
    convention: dict[str, Any] | None = None


ALONE = Told("alone", UUID(int=0), 0, datetime.fromtimestamp(0, UTC))


def drafted(
    actor: Actor, model: str, wanted: VersionInput, manifest_sha256: str | None = None
) -> Draft:
    """The draft that a request asks for, with the name that it gives itself, and its events."""
    draft = Draft(actor, model, wanted, wanted.name, manifest_sha256=manifest_sha256)
    if manifest_sha256 is not None:
        draft = replace(draft, recipe_sha256=_recipe_digest(wanted))
    return with_events(draft)


def with_events(draft: Draft) -> Draft:
    """The draft with the events that tell of it as it is."""
    details: dict[str, Any] = {"name": draft.name, "status": "draft"}
    events = [audit.fact(draft.actor, "version.created", details)]
    if draft.manifest_sha256 is not None:
        ready = {
            "manifest_sha256": draft.manifest_sha256,
            "recipe_sha256": draft.recipe_sha256,
            "files_count": 0,
            "size": 0,
        }
        events.append(audit.fact(draft.actor, "version.ready", ready))
    return replace(draft, events=tuple(events))


def _recipe_digest(wanted: VersionInput) -> str:
    """What `rules.recipe_digest` says of a recipe without parents, from its JSON."""
    recipe = wanted.__pydantic_serializer__.to_json(wanted, include=_DIGESTED)
    return sha256_hex(recanonical(recipe.decode()[:-1] + ',"parents":[]}'))


_DIGESTED = {*RECIPE_FIELDS}


async def insert(
    connection: AsyncConnection | AsyncSession, drafts: Sequence[Draft], *, patient: bool
) -> list[Told]:
    """Register these, in one statement, and tell of each what became of it. `patient` waits for
    models that somebody else holds."""
    ids = [new_id() for _ in drafts]
    rows = b",".join(draft.row(place, ids[place]) for place, draft in enumerate(drafts))
    found = await connection.execute(
        STATEMENT, {"wanted": f"[{rows.decode()}]", "patient": patient}
    )
    told = {
        place: Told(outcome, ids[place], number or 0, at.astimezone(UTC), convention)
        for place, outcome, number, at, convention in found
    }
    return [told[place] for place in range(len(drafts))]


class _Asked:
    """A draft, and whoever waits to hear of it."""

    __slots__ = ("draft", "told")

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()


class Registrar:
    """Sends what the requests of this process register, together."""

    def __init__(self, db: Database) -> None:
        """One a process."""
        self._db = db
        self._waiting: list[_Asked] = []
        self._lanes = 0
        self._held: dict[str, list[_Asked]] = {}  # models that somebody else holds
        self._tasks: set[asyncio.Task[None]] = set()

    async def register(self, draft: Draft) -> Told:
        """Register a draft in a transaction that is over when this returns. `alone` says that
        it could not be done together with others."""
        asked = _Asked(draft)
        if draft.model in self._held:
            self._held[draft.model].append(asked)
        else:
            self._waiting.append(asked)
            if self._lanes < LANES:
                self._lanes += 1
                self._begin(self._send_waiting())
        return await asked.told

    async def settle(self) -> None:
        """Wait until all that was asked is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = (
                    self._waiting[:MOST_TOGETHER],
                    self._waiting[MOST_TOGETHER:],
                )
                await self._send(asked, patient=False)
        finally:
            self._lanes -= 1

    async def _send_held(self, model: str) -> None:
        try:
            while asked := self._held[model]:
                self._held[model] = asked[MOST_TOGETHER:]
                await self._send(asked[:MOST_TOGETHER], patient=True)
        finally:
            del self._held[model]

    async def _send(self, asked: Sequence[_Asked], *, patient: bool) -> None:
        wanted = [each for each in asked if not each.told.done()]
        if not wanted:
            return
        try:
            async with self._db.at_once() as connection:
                told = await insert(connection, [each.draft for each in wanted], patient=patient)
        except Exception as error:  # noqa: BLE001 (whoever asked raises it)
            _tell_failure(wanted, error)
            return
        if any(each.outcome == "made" for each in told):
            self._db.hub.announce({audit.TOPIC})
        for each, what in zip(wanted, told, strict=True):
            if what.outcome == "busy":
                self._wait_for_model(each)
            elif not each.told.done():
                each.told.set_result(what)

    def _wait_for_model(self, asked: _Asked) -> None:
        model = asked.draft.model
        if model in self._held:
            self._held[model].append(asked)
        else:
            self._held[model] = [asked]
            self._begin(self._send_held(model))


def _tell_failure(asked: Sequence[_Asked], error: Exception) -> None:
    """What PostgreSQL refused for the sake of one is no failure of the others; what it could not do
    now is everybody's, and may even have been done (the connection was lost)."""
    own = isinstance(error, DBAPIError) and not isinstance(error, OperationalError)
    for each in asked:
        if each.told.done():
            continue
        if own and len(asked) > 1 and not getattr(error, "connection_invalidated", False):
            each.told.set_result(ALONE)
        else:
            each.told.set_exception(error)
