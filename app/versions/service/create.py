"""Registering a version inside of a transaction that does more, or whose model has a naming
convention."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import announce
from app.models import service as models
from app.models.tables import Model
from app.versions import queries
from app.versions.problems import VersionNameTaken
from app.versions.schemas import VersionInput
from app.versions.service.naming import check_free_of_stages, named
from app.versions.service.parents import set_parents
from app.versions.service.registering import Draft, Told, drafted, insert, with_events
from app.versions.tables import Version


async def create(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    wanted: VersionInput,
    manifest_sha256: str | None = None,
) -> Version:
    """Number a new draft of the model and record its recipe, under the model's lock. It is ready at
    once where the digest of its manifest, which is empty, is given; then it has no parents."""
    draft = drafted(actor, model.name, wanted, manifest_sha256)
    (told,) = await insert(session, [draft], patient=True)
    if told.outcome == "convention":
        draft, told = await _judge(session, model, draft, told)
    if told.outcome == "absent":
        raise models.absent(model.name)
    if told.outcome != "made":
        await _refuse_name(session, model, draft.name or "")
    announce(session, audit.TOPIC)
    version = await queries.unlocked(session, told.id)
    if wanted.parents:
        await set_parents(session, actor, version, wanted.parents)
    return version


async def _judge(
    session: AsyncSession, model: Model, draft: Draft, told: Told
) -> tuple[Draft, Told]:
    """The draft under the model's convention, which holds until the end of the transaction."""
    name = named(model.name, told.convention or {}, told.number, told.at, draft.wanted)
    rendered = draft.name is None and name is not None
    draft = with_events(replace(draft, name=name, name_rendered=rendered, judged=True))
    (told,) = await insert(session, [draft], patient=True)
    return draft, told


async def _refuse_name(session: AsyncSession, model: Model, name: str) -> None:
    await check_free_of_stages(session, model, name)
    raise VersionNameTaken(
        f"Another version of `{model.name}` is called `{name}` (names are unique without regard to "
        "case). Choose another."
    )
