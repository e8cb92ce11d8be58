"""A promotion as it is shown to one viewer, waiting for one to change, and lists."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import may
from app.access.table import Permission
from app.core.actor import Actor, Scope
from app.core.pages import Page, bad_cursor, cut, decode_cursor, encode_cursor
from app.core.problems import NotFound
from app.core.runtime import Runtime
from app.core.signals import Subscription
from app.policies.rules.policy import parse_freeze
from app.policies.schemas.outputs import FreezeOutput
from app.promotions import queries
from app.promotions.queries import PromotionView, Wanted
from app.promotions.rules.duties import Leniency, Reviewer, conflict_of, is_named
from app.promotions.rules.judging import would_count
from app.promotions.rules.words import UNDECIDED, Decision, Status
from app.promotions.schemas import PromotionOutput, ReviewOutput
from app.promotions.service.changes import changes_in
from app.promotions.service.following import has_changed, settle_one
from app.promotions.service.judging import is_overdue, rules_in, topic
from app.promotions.service.reviewing import as_reviewer, has_verdict, may_cancel
from app.promotions.tables import Promotion, Review

SCANNED_AT_ONCE = 200
MOST_SCANS = 10
_FROM_ROW = (
    "id",
    "status",
    "reason",
    "requested_by",
    "manifest_sha256",
    "recipe_sha256",
    "policy_revision",
    "opened_under_revision",
    "override",
    "created_at",
    "expires_at",
    "ended_at",
    "ended_by",
    "ended_because",
)
_NO_APPROVALS: dict[str, Any] = {"required": 0, "given": 0, "missing": 0, "rules": []}


async def current(
    runtime: Runtime, promotion_id: UUID, reader: Actor | None = None
) -> PromotionView | None:
    """A promotion as it is now; where time or a change of rights has touched it, that is written
    down first, so that what is shown and its ETag agree. One that is hidden from the `reader` is
    None, and costs no more than one that does not exist."""
    case = await _read(runtime, promotion_id, reader, look=True)
    if case is not None and case[1]:
        await settle_one(runtime, case[0])
        case = await _read(runtime, promotion_id, reader, look=False)
    return case[0] if case else None


async def _read(
    runtime: Runtime, promotion_id: UUID, reader: Actor | None, *, look: bool
) -> tuple[PromotionView, bool] | None:
    async with runtime.db.reading() as session:
        found = await queries.view_and_clock(session, promotion_id)
        if found is None or (reader and reader.role_on(found[0].model.name) is None):
            return None
        return found[0], look and await has_changed(session, *found)


async def watch(
    runtime: Runtime, case: PromotionView, seconds: float, is_news: Callable[[Promotion], bool]
) -> None:
    """Wait until a promotion is news to the caller, or for so long at most. Nothing of the database
    is held meanwhile."""
    deadline = time.monotonic() + seconds
    with runtime.hub.subscribed(topic(case.promotion)) as subscription:
        while True:
            latest = await current(runtime, case.promotion.id)
            if latest is None:
                raise NotFound("The promotion's model was deleted.")
            case = latest
            left = deadline - time.monotonic()
            if is_news(case.promotion) or left <= 0 or runtime.hub.closing:
                return
            await _sleep_until_change(runtime, case, subscription, deadline)


async def _sleep_until_change(
    runtime: Runtime, case: PromotionView, subscription: Subscription, deadline: float
) -> None:
    """Until the promotion has another revision, is overdue, or there is no time left."""
    while not runtime.hub.closing:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        await subscription.wait(min(left, _seconds_to_live(case.promotion)))
        async with runtime.db.reading() as session:
            revision, overdue = await queries.revision_of(session, case.promotion.id)
        if overdue or revision != case.promotion.revision:
            return


def _seconds_to_live(promotion: Promotion) -> float:
    if promotion.expires_at is None:
        return math.inf
    return max(0.05, (promotion.expires_at - datetime.now(UTC)).total_seconds() + 0.01)


async def show(session: AsyncSession, actor: Actor, case: PromotionView) -> PromotionOutput:
    """One promotion as this actor sees it, with the change that it brings."""
    (shown,) = await _show_all(session, actor, [case])
    return shown.model_copy(update={"changes": await changes_in(session, case)})


def show_review(case: PromotionView, review: Review) -> ReviewOutput:
    """One review of a promotion as it is shown."""
    return _review(review, case.promotion.findings)


async def _show_all(
    session: AsyncSession, actor: Actor, cases: list[PromotionView]
) -> list[PromotionOutput]:
    reviews = await queries.reviews_of(session, [case.promotion.id for case in cases])
    groups = await queries.group_names(session, actor.group_ids)
    return [
        _as_output(case, reviews[case.promotion.id], _actions(actor, case, reviews, groups))
        for case in cases
    ]


def _as_output(case: PromotionView, reviews: list[Review], actions: list[str]) -> PromotionOutput:
    promotion, found = case.promotion, case.promotion.findings
    fields: dict[str, Any] = {name: getattr(promotion, name) for name in _FROM_ROW}
    if is_overdue(promotion, datetime.now(UTC)):
        fields["status"] = Status.EXPIRED
    return PromotionOutput(
        **fields,
        model=case.model.name,
        version=case.version.number,
        version_name=case.version.name,
        from_=promotion.from_stage,
        to=promotion.to_stage,
        policy_flags=found.get("policy_flags", []),
        incumbent=found.get("incumbent"),
        gates=found.get("gates", []),
        freeze=_freeze(promotion),
        approvals=found.get("approvals", _NO_APPROVALS),
        reviews=[_review(each, found) for each in reviews],
        changes=None,
        available_actions=actions,
    )


def _review(review: Review, found: dict[str, Any]) -> ReviewOutput:
    key = str(review.id)
    changed = found.get("stale", {}).get(key)
    return ReviewOutput(
        id=review.id,
        reviewer=review.reviewer,
        decision=Decision(review.decision),
        comment=review.comment,
        at=review.at,
        counts=key in found.get("counting", ()),
        stale=changed is not None,
        note=found.get("notes", {}).get(key) or changed,
        manifest_sha256=review.manifest_sha256,
        recipe_sha256=review.recipe_sha256,
        policy_revision=review.policy_revision,
    )


def _actions(
    actor: Actor,
    case: PromotionView,
    reviews: dict[UUID, list[Review]],
    groups: frozenset[str],
) -> list[str]:
    """What this actor can do with the promotion now."""
    promotion, model = case.promotion, case.model.name
    if promotion.status not in UNDECIDED or is_overdue(promotion, datetime.now(UTC)):
        return []
    reviewer = as_reviewer(actor, model, groups)
    reviews_here = may(actor, Permission.PROMOTIONS_REVIEW, model)
    emptying = bool(promotion.findings.get("empties"))
    possible = {
        "approve": reviews_here and _may_approve(reviewer, case),
        "reject": reviews_here,
        "comment": reviews_here,
        "withdraw": reviews_here and has_verdict(reviews[promotion.id], actor),
        "apply": promotion.status == Status.APPROVED
        and _freeze(promotion) is None
        and may(actor, Permission.PROMOTIONS_APPLY, model)
        and (not emptying or may(actor, Permission.STAGES_EMPTY, model)),
        "cancel": may(actor, Permission.PROMOTIONS_CANCEL, model) and may_cancel(actor, case),
        "override": may(actor, Permission.PROMOTIONS_OVERRIDE, model),
    }
    return [action for action, is_possible in possible.items() if is_possible]


def _freeze(promotion: Promotion) -> FreezeOutput | None:
    """The freeze that keeps an undecided promotion from being applied now."""
    if promotion.status not in UNDECIDED:
        return None
    now, windows = datetime.now(UTC), map(parse_freeze, promotion.findings.get("freeze", ()))
    found = next((window for window in windows if window.start <= now < window.end), None)
    return None if found is None else FreezeOutput.of(found)


def _leniency(case: PromotionView) -> Leniency:
    found = case.promotion.findings
    return Leniency(
        found.get("allow_self_approval", False), found.get("allow_author_approval", False)
    )


def _may_approve(reviewer: Reviewer, case: PromotionView) -> bool:
    if conflict_of(reviewer, case.parties, _leniency(case)) is not None:
        return False
    rules = [each.rule for each in rules_in(case.promotion.findings)]
    return reviewer.is_person or is_named(reviewer, rules)


async def list_promotions(
    session: AsyncSession, actor: Actor, wanted: Wanted, *, cursor: str | None, limit: int
) -> Page[PromotionOutput]:
    """The promotions that the actor can see, newest first."""
    rows = await queries.page(session, actor, wanted, before=_id_in(cursor), limit=limit)
    cases, more = cut(rows, limit)
    last = encode_cursor(cases[-1].promotion.id) if more else None
    return Page(items=await _show_all(session, actor, cases), next_cursor=last)


async def list_reviewable(
    session: AsyncSession, actor: Actor, wanted: Wanted, *, cursor: str | None, limit: int
) -> Page[PromotionOutput]:
    """The open promotions that an approval by this actor would bring further, newest first. A page
    may be shorter than asked for where many had to be looked through; go on with its cursor."""
    found: list[PromotionView] = []
    before, more = _id_in(cursor), may_review_somewhere(actor)
    groups = await queries.group_names(session, actor.group_ids)
    for _ in range(MOST_SCANS):
        if not more or len(found) > limit:
            break
        rows = await queries.page_for_reviewer(
            session, actor, wanted, before=before, limit=SCANNED_AT_ONCE
        )
        scanned, more = cut(rows, SCANNED_AT_ONCE)
        found += [case for case in scanned if _would_count(actor, case, groups)]
        before = scanned[-1].promotion.id if scanned else before
    cases, cut_off = cut(found, limit)
    last = cases[-1].promotion.id if cut_off else before if more else None
    return Page(
        items=await _show_all(session, actor, cases),
        next_cursor=None if last is None else encode_cursor(last),
    )


def may_review_somewhere(actor: Actor) -> bool:
    """Whether the actor's token lets them review anything."""
    return actor.has_scope(Scope.REVIEW)


def _would_count(actor: Actor, case: PromotionView, groups: frozenset[str]) -> bool:
    return would_count(
        as_reviewer(actor, case.model.name, groups),
        case.parties,
        _leniency(case),
        rules_in(case.promotion.findings),
    )


def _id_in(cursor: str | None) -> UUID | None:
    key = decode_cursor(cursor, 1)
    if key is None:
        return None
    try:
        return UUID(key[0])
    except ValueError as error:
        raise bad_cursor() from error
