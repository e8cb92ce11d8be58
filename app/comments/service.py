"""Writing, editing and deleting comments, and listing them.

Whoever writes holds the model's lock and then the comment's row, so that nothing is said about what
is being deleted, and of two edits at once neither is lost.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import may
from app.access.table import Permission
from app.audit import service as audit
from app.comments import queries
from app.comments.problems import CommentDeleted
from app.comments.queries import CommentView
from app.comments.schemas import CommentInput, CommentOutput, EarlierTextOutput
from app.comments.tables import Comment, CommentEdit
from app.core.actor import Actor
from app.core.canonical import sha256_hex
from app.core.db import clock
from app.core.etags import check_if_match, etag
from app.core.ids import id_after
from app.core.pages import Page, bad_cursor, cursor_id, cut, decode_cursor, encode_cursor
from app.core.problems import NotAllowed, NotFound
from app.models import service as models
from app.models.tables import Model
from app.versions.tables import Version

MAX_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Place:
    """What a comment is on: a version, or a promotion of it."""

    model: Model
    version: Version
    promotion_id: UUID | None = None


async def add(
    session: AsyncSession, actor: Actor, place: Place, wanted: CommentInput
) -> CommentView:
    """Say something about a version or a promotion, whatever has become of it since."""
    model, version = place.model, place.version
    await models.lock(session, model)
    on_version = place.promotion_id is None
    if on_version and not await queries.version_is_there(session, version.id):
        raise NotFound(f"The model `{model.name}` has no version {version.number} any more.")
    comment = Comment(
        id=id_after(await queries.last_id(session, version)),
        model_id=model.id,
        version_id=version.id,
        promotion_id=place.promotion_id,
        author_id=actor.identity_id,
        author=actor.name,
        body=wanted.body,
        created_at=await clock(session),
    )
    session.add(comment)
    await session.flush()
    view = CommentView(comment, model, version.number)
    _note(session, actor, view, "comment.added", **_traces(comment.body))
    await session.flush()
    return view


async def edit(
    session: AsyncSession,
    actor: Actor,
    view: CommentView,
    wanted: CommentInput,
    if_match: str | None,
) -> CommentView:
    """Give a comment another text and keep the one that it had. The same text changes nothing."""
    if actor.identity_id != view.comment.author_id:
        raise NotAllowed(
            f"Only {view.comment.author}, who wrote this comment, edits it. Write one of your own."
        )
    view = await _hold(session, view, if_match)
    comment, now = view.comment, await clock(session)
    if wanted.body == comment.body:
        return view
    before, after = _traces(comment.body), _traces(wanted.body)
    since = comment.edited_at or comment.created_at
    session.add(
        CommentEdit(comment_id=comment.id, body=comment.body, written_at=since, replaced_at=now)
    )
    comment.body, comment.edited_at = wanted.body, now
    comment.revision += 1
    _note(session, actor, view, "comment.edited", changes=audit.difference(before, after))
    await session.flush()
    return view


async def delete(
    session: AsyncSession, actor: Actor, view: CommentView, if_match: str | None
) -> None:
    """Take a comment's texts from everybody's sight; it keeps its place. The rows stay as they
    are: the texts remain in the database, and the record never held them."""
    model = view.model.name
    is_author = actor.identity_id == view.comment.author_id
    if not is_author and not may(actor, Permission.COMMENTS_DELETE_ANY, model):
        raise NotAllowed(
            f"Only {view.comment.author}, who wrote this comment, or a maintainer of `{model}` "
            "deletes it. Ask one of them."
        )
    view = await _hold(session, view, if_match)
    comment = view.comment
    comment.deleted_at, comment.deleted_by = await clock(session), actor.name
    comment.revision += 1
    _note(session, actor, view, "comment.deleted", author=comment.author, **_traces(comment.body))
    await session.flush()


async def _hold(session: AsyncSession, view: CommentView, if_match: str | None) -> CommentView:
    """The comment, fresh and held, where it was not deleted and `If-Match` still names it."""
    await models.lock(session, view.model)
    fresh = await queries.view_of(session, view.comment.id, held=True)
    if fresh is None:
        raise absent(str(view.comment.id))
    check_if_match(if_match, etag(fresh.comment.revision))
    if fresh.comment.deleted_at is not None:
        how = _how_deleted(fresh.comment.deleted_by, fresh.comment.deleted_at)
        raise CommentDeleted(f"The comment {how}. Write a new one.")
    return fresh


def absent(text: str) -> NotFound:
    """The problem with a comment that is not there, or that the actor may not see."""
    return NotFound(f"There is no comment `{text}`, or it is hidden from you.")


def _how_deleted(by: str | None, at: datetime) -> str:
    return f"was deleted by {by} at {at:%Y-%m-%dT%H:%M:%SZ}"


def _traces(body: str) -> dict[str, Any]:
    """What the record keeps of a text."""
    raw = body.encode()
    return {"body_sha256": sha256_hex(raw), "body_bytes": len(raw)}


def _note(
    session: AsyncSession, actor: Actor, view: CommentView, action: str, **details: Any
) -> None:
    promotion_id = view.comment.promotion_id
    audit.record(
        session,
        actor,
        action,
        subject=f"comment:{view.comment.id}",
        model_id=view.model.id,
        model=view.model.name,
        version=view.version,
        details={"promotion": str(promotion_id) if promotion_id else None, **details},
    )


async def on_version(
    session: AsyncSession, version: Version, *, promotions: bool, cursor: str | None, limit: int
) -> Page[CommentOutput]:
    """The comments on a version, and those on its promotions where they are wanted, oldest
    first."""
    rows = await queries.on_version(
        session, version, promotions=promotions, after=cursor_id(cursor), limit=limit
    )
    return _page(rows, limit)


async def on_promotion(
    session: AsyncSession, promotion_id: UUID, *, cursor: str | None, limit: int
) -> Page[CommentOutput]:
    """The comments on a promotion, oldest first."""
    after = cursor_id(cursor)
    return _page(await queries.on_promotion(session, promotion_id, after=after, limit=limit), limit)


def _page(rows: list[CommentView], limit: int) -> Page[CommentOutput]:
    views, more = cut(rows, limit)
    last = encode_cursor(views[-1].comment.id) if more else None
    return Page(items=[show(view) for view in views], next_cursor=last)


def show(view: CommentView) -> CommentOutput:
    """A comment as everybody sees it. Its revision also counts the deletion."""
    comment, deleted = view.comment, view.comment.deleted_at is not None
    return CommentOutput(
        id=comment.id,
        model=view.model.name,
        version=view.version,
        promotion=comment.promotion_id,
        author=comment.author,
        body=None if deleted else comment.body,
        created_at=comment.created_at,
        edited_at=comment.edited_at,
        edits=comment.revision - 1 - deleted,
        deleted=deleted,
        deleted_at=comment.deleted_at,
        deleted_by=comment.deleted_by,
    )


async def history(
    session: AsyncSession, view: CommentView, *, cursor: str | None, limit: int
) -> Page[EarlierTextOutput]:
    """Every text that the comment had, newest first."""
    comment, before = view.comment, _key_in(cursor)
    if comment.deleted_at is not None:
        how = _how_deleted(comment.deleted_by, comment.deleted_at)
        raise NotFound(f"The comment {how}: its texts are not shown any more.")
    found = await queries.earlier_texts(session, comment.id, before=before, limit=limit)
    rows, more = cut(found, limit)
    return Page(
        items=[
            EarlierTextOutput(body=row.body, since=row.written_at, until=row.replaced_at)
            for row in rows
        ],
        next_cursor=encode_cursor(rows[-1].id) if more else None,
    )


def _key_in(cursor: str | None) -> int | None:
    key = decode_cursor(cursor, 1)
    if key is None:
        return None
    if not key[0].isdecimal() or len(key[0]) > 19 or int(key[0]) > MAX_KEY:
        raise bad_cursor()
    return int(key[0])
