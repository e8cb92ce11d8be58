"""Reporting and reading checks."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.checks import queries
from app.checks.moments import checked
from app.checks.problems import CheckOfOtherBytes
from app.checks.schemas import CheckInput, CheckOutput
from app.checks.tables import Check
from app.core.actor import Actor
from app.core.etags import check_if_match, etag, since_redaction
from app.core.ids import id_after
from app.core.pages import Page, cursor_id, cut, encode_cursor
from app.core.problems import NotFound, StaleRevision
from app.models import service as models
from app.models.tables import Model
from app.versions import service as versions
from app.versions.service import VersionView
from app.versions.service.note import note
from app.versions.tables import Version


async def report(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    version: Version,
    name: str,
    wanted: CheckInput,
    if_match: str | None,
) -> tuple[CheckOutput, str, bool]:
    """Keep a verdict on a ready version; answers it, and whether it is new. One that only repeats
    the latest of its name is not written again. Under the model's lock, so that the latest report
    is the last one to be written, and whoever decides by it sees it."""
    await models.lock(session, model)
    version = await versions.lock_ready(session, model, version.id, "checked")
    latest = await queries.latest(session, version.id, name)
    _check_condition(latest, name, if_match)
    _check_bytes(model, version, wanted)
    if latest is not None and _repeats(latest, actor, wanted):
        return _output(model.name, version, latest, is_latest=True), tag(latest), False
    check = _written(session, actor, version, name, wanted, latest)
    _record(session, actor, model, version, check, latest)
    await session.flush()
    await checked.tell(session, actor, model, version)
    return _output(model.name, version, check, is_latest=True), tag(check), True


def _check_condition(latest: Check | None, name: str, if_match: str | None) -> None:
    if latest is not None:
        check_if_match(if_match, tag(latest))
    elif if_match is not None:
        raise StaleRevision(f"Nobody has reported the check `{name}`, and If-Match names a report.")


def _check_bytes(model: Model, version: Version, wanted: CheckInput) -> None:
    if wanted.manifest_sha256 in (None, version.manifest_sha256):
        return
    raise CheckOfOtherBytes(
        f"The check was made of files with the manifest {wanted.manifest_sha256}, and version "
        f"{version.number} of `{model.name}` has {version.manifest_sha256}. Check the files that "
        f"`GET /api/v1/models/{models.quoted(model.name)}/versions/{version.number}/manifest` "
        "lists, and send its `manifest_sha256`."
    )


def _repeats(latest: Check, actor: Actor, wanted: CheckInput) -> bool:
    was = (latest.reported_by_id, latest.status, latest.summary, latest.url)
    return was == (actor.identity_id, wanted.status, wanted.summary, wanted.url)


def _written(
    session: AsyncSession,
    actor: Actor,
    version: Version,
    name: str,
    wanted: CheckInput,
    latest: Check | None,
) -> Check:
    check = Check(
        id=id_after(latest.id if latest else None),
        model_id=version.model_id,
        version_id=version.id,
        name=name,
        status=wanted.status,
        summary=wanted.summary,
        url=wanted.url,
        manifest_sha256=version.manifest_sha256,
        reported_by_id=actor.identity_id,
        reported_by=actor.name,
        token_id=actor.token_id,
    )
    session.add(check)
    return check


def _record(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    version: Version,
    check: Check,
    before: Check | None,
) -> None:
    note(
        session,
        actor,
        model,
        version,
        "version.checked",
        check=str(check.id),
        name=check.name,
        status=check.status,
        was=before.status if before else None,
        summary=check.summary,
        url=check.url,
        manifest_sha256=check.manifest_sha256,
    )


async def list_checks(
    session: AsyncSession,
    view: VersionView,
    *,
    name: str | None,
    status: str | None,
    only_latest: bool,
    cursor: str | None,
    limit: int,
) -> Page[CheckOutput]:
    """A page of the reports on a version, newest first."""
    found = await queries.page(
        session,
        view.version.id,
        name=name,
        status=status,
        only_latest=only_latest,
        after=cursor_id(cursor),
        limit=limit,
    )
    rows, more = cut(found, limit)
    return Page(
        items=[_output(view.model, view.version, row, is_latest=last) for row, last in rows],
        next_cursor=encode_cursor(rows[-1][0].id) if more else None,
    )


async def show(session: AsyncSession, view: VersionView, name: str) -> tuple[CheckOutput, str]:
    """The latest report of a check on a version and its ETag, or a 404."""
    found = await queries.latest(session, view.version.id, name)
    if found is None:
        raise NotFound(
            f"Nobody has reported the check `{name}` on version {view.version.number} of "
            f"`{view.model}`."
        )
    return _output(view.model, view.version, found, is_latest=True), tag(found)


def tag(check: Check) -> str:
    """The ETag of a check's latest report: only a redaction changes one, and each has its own
    id."""
    return etag(check.id.int, *since_redaction(check.redaction_id))


def _output(model: str, version: Version, check: Check, *, is_latest: bool) -> CheckOutput:
    shown = {name: getattr(check, name) for name in _FROM_ROW}
    return CheckOutput(**shown, model=model, version=version.number, is_latest=is_latest)


_FROM_ROW = tuple(CheckOutput.model_fields.keys() - {"model", "version", "is_latest"})
