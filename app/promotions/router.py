"""The routes of promotions."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from app.access.dependencies import Allowed, CurrentActor, authenticate
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import IfMatch, IfNoneMatch, answer, etag, not_modified
from app.core.pages import Cursor, Limit, Page, link_next
from app.core.problems import Conflict, NotFound, StaleRevision
from app.core.problems_docs import responses
from app.core.runtime import CurrentRuntime, Reading, Transaction
from app.edge.routing import api_router
from app.promotions import service
from app.promotions.dependencies import PromotionToChange, PromotionToRead
from app.promotions.problems import (
    OnlyPeopleApprove,
    PromotionAlreadyOpen,
    PromotionEnded,
    PromotionNotApproved,
    SeparationOfDuties,
    StageFrozen,
    StageWouldBeEmptied,
    TransitionNotAllowed,
    VerdictNotGiven,
)
from app.promotions.queries import PromotionView, Wanted
from app.promotions.rules.words import UNDECIDED, Status
from app.promotions.schemas import (
    ApplyInput,
    CancelInput,
    OverrideInput,
    PromotionInput,
    PromotionOutput,
    ReviewInput,
    ReviewOutput,
)
from app.promotions.tables import Promotion
from app.stages.problems import IncumbentChanged, StageHeld
from app.versions.dependencies import VersionInModel, VersionToChange
from app.versions.problems import VersionNotReady, VersionRecalled

router = api_router("Promotions")
P = Permission
Wait = Annotated[
    float,
    Query(ge=0, le=30, description="Seconds to wait for a change, at most 30.", examples=[30]),
]


@router.post(
    "/models/{model}/versions/{n}/promotions",
    summary="Ask to move a version to a stage",
    status_code=201,
    response_model=PromotionOutput,
    responses=responses(
        NotFound,
        PromotionAlreadyOpen,
        StageWouldBeEmptied,
        TransitionNotAllowed,
        VersionNotReady,
        VersionRecalled,
        Conflict,
    ),
)
async def request_promotion(
    wanted: PromotionInput,
    response: Response,
    session: Transaction,
    actor: CurrentActor,
    found: Annotated[VersionInModel, Depends(VersionToChange(P.PROMOTIONS_REQUEST))],
) -> PromotionOutput:
    """The promotion stays `open` until its gates pass and its approvals are there; then somebody
    applies it. With `apply: true` it is applied in the same transaction where nothing is missing.

    Only a ready version that was not recalled moves, and only on a way that the policy names.
    Taking the holder out of an exclusive stage without a successor takes a maintainer."""
    case = await service.request(session, actor, found.model, found.version.id, wanted)
    response.headers["Location"] = f"/api/v1/promotions/{case.promotion.id}"
    return await _answer(session, response, actor, case)


@router.get("/promotions", summary="List promotions", response_model=Page[PromotionOutput])
async def list_promotions(
    request: Request,
    response: Response,
    session: Reading,
    actor: Annotated[Actor, Depends(Allowed(P.PROMOTIONS_LIST))],
    status: Annotated[
        list[Status] | None,
        Query(description="Only with this status; name it again for several.", examples=["open"]),
    ] = None,
    model: Annotated[str | None, Query(max_length=128, description="Only of this model.")] = None,
    to: Annotated[str | None, Query(max_length=64, description="Only to this stage.")] = None,
    requested_by: Annotated[
        str | None, Query(max_length=200, description="Only those that this identity asked for.")
    ] = None,
    reviewable: Annotated[
        bool,
        Query(
            description="Your inbox: only open ones that an approval of yours would bring further "
            "now. `status` is then not looked at."
        ),
    ] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PromotionOutput]:
    """The promotions of all models that you can see, newest first."""
    wanted = Wanted(tuple(status or ()), model, to, requested_by)
    listing = service.list_reviewable if reviewable else service.list_promotions
    page = await listing(session, actor, wanted, cursor=cursor, limit=limit)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/promotions/{promotion}",
    summary="A promotion, or its next change",
    response_model=PromotionOutput,
    responses=responses(NotFound),
)
async def get_promotion(
    request: Request,
    response: Response,
    runtime: CurrentRuntime,
    actor: CurrentActor,
    case: Annotated[PromotionView, Depends(PromotionToRead(P.PROMOTIONS_READ))],
    wait: Wait = 0,
    if_none_match: IfNoneMatch = None,
) -> PromotionOutput | Response:
    """With `wait`, the answer comes when the promotion changes, or after so many seconds as it is
    then. Send the `ETag` that you have as `If-None-Match`: a change that you have not seen is
    answered at once, and where nothing changed the answer is a 304. Without `If-None-Match`, a
    promotion that has ended is answered at once: it changes no more.

    The `ETag` stands for all that decides (status, gates, approvals, reviews, the incumbent) and
    for every evaluation of the version and of the incumbent. Where there is no incumbent, it does
    not stand for the version that `changes` compares with instead: ask without `If-None-Match` to
    see the latest of that. What an ended promotion says of it stays, unless a version is
    deleted."""
    first = case.promotion.revision

    def is_news(promotion: Promotion) -> bool:
        if if_none_match is not None:
            return not not_modified(if_none_match, etag(promotion.revision))
        return promotion.revision != first or promotion.status not in UNDECIDED

    if wait and not is_news(case.promotion):
        await service.watch(runtime, case, wait, is_news)
        # A token that was revoked or lost its role during a long wait reads nothing more.
        actor = await authenticate(request)
        again = PromotionToRead(P.PROMOTIONS_READ)
        case = await again(str(case.promotion.id), actor, runtime)
    async with runtime.db.reading() as session:
        return answer(if_none_match, response, etag(case.promotion.revision)) or await service.show(
            session, actor, case
        )


@router.post(
    "/promotions/{promotion}/reviews",
    summary="Approve or reject a promotion",
    status_code=201,
    response_model=ReviewOutput,
    responses=responses(
        NotFound,
        OnlyPeopleApprove,
        PromotionEnded,
        SeparationOfDuties,
        StaleRevision,
        VerdictNotGiven,
    ),
)
async def review_promotion(
    wanted: ReviewInput,
    session: Transaction,
    actor: CurrentActor,
    case: Annotated[PromotionView, Depends(PromotionToChange(P.PROMOTIONS_REVIEW))],
    if_match: IfMatch = None,
) -> ReviewOutput:
    """Your latest verdict counts, for exactly the files, the recipe, the description and the policy
    that there are now: when the description is edited or the policy for the stage changes, it turns
    `stale`. Send `If-Match` with the promotion's `ETag` to be sure that you saw the latest of it.

    A rejection ends the promotion where at most one approval is asked for in all; else it blocks
    until you withdraw it. Who asked for the promotion or wrote the version does not approve it,
    nor do their owners, nor anybody with a token that they issued."""
    case, review = await service.review(session, actor, case, wanted, if_match)
    return service.show_review(case, review)


@router.post(
    "/promotions/{promotion}/apply",
    summary="Move the version",
    response_model=PromotionOutput,
    responses=responses(
        NotFound,
        IncumbentChanged,
        PromotionEnded,
        PromotionNotApproved,
        StageFrozen,
        StageHeld,
        StageWouldBeEmptied,
        StaleRevision,
    ),
)
async def apply_promotion(
    response: Response,
    session: Transaction,
    actor: CurrentActor,
    case: Annotated[PromotionView, Depends(PromotionToChange(P.PROMOTIONS_APPLY))],
    wanted: ApplyInput | None = None,
    if_match: IfMatch = None,
) -> PromotionOutput:
    """Everything is checked once more, in one transaction with the stage locked. The incumbent of
    an exclusive stage is archived at the same instant, and open promotions of others to that stage
    are superseded. However many apply it at once, the version moves once."""
    case = await service.apply(session, actor, case, wanted or ApplyInput(), if_match)
    return await _answer(session, response, actor, case)


@router.post(
    "/promotions/{promotion}/cancel",
    summary="Take a promotion back",
    response_model=PromotionOutput,
    responses=responses(NotFound, PromotionEnded, StaleRevision),
)
async def cancel_promotion(
    response: Response,
    session: Transaction,
    actor: CurrentActor,
    case: Annotated[PromotionView, Depends(PromotionToChange(P.PROMOTIONS_CANCEL))],
    wanted: CancelInput | None = None,
    if_match: IfMatch = None,
) -> PromotionOutput:
    """Who asked for it may do this, and a maintainer of the model."""
    reason = wanted.reason if wanted else None
    case = await service.cancel(session, actor, case, reason, if_match)
    return await _answer(session, response, actor, case)


@router.post(
    "/promotions/{promotion}/override",
    summary="Break glass: move the version against the rules",
    response_model=PromotionOutput,
    responses=responses(NotFound, PromotionEnded, StageHeld, StaleRevision, VersionRecalled),
)
async def override_promotion(
    wanted: OverrideInput,
    response: Response,
    session: Transaction,
    actor: CurrentActor,
    case: Annotated[PromotionView, Depends(PromotionToChange(P.PROMOTIONS_OVERRIDE))],
    if_match: IfMatch = None,
) -> PromotionOutput:
    """Admins only. Applies the promotion although gates, approvals or a freeze stand against it;
    the version must still be ready, not recalled, and in the stage that the promotion names. The
    reason, and what was missing, stay flagged on the promotion, the tenure, the transition and the
    event."""
    case = await service.override(session, actor, case, wanted, if_match)
    return await _answer(session, response, actor, case)


async def _answer(
    session: Transaction, response: Response, actor: Actor, case: PromotionView
) -> PromotionOutput:
    response.headers["ETag"] = etag(case.promotion.revision)
    return await service.show(session, actor, case)
