"""Pages of models."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.pages import Page, cut
from app.models.schemas import ModelOutput
from app.search import queries
from app.search.conditions import condition
from app.search.fields import MODELS
from app.search.keyset import Keyset
from app.search.orders import sort_keys
from app.search.parser import parse, parse_order
from app.search.places import model_place
from app.search.syntax import Field, Order
from app.versions import service as versions

_BY_NAME = Order(Field("name"))


async def list_models(
    session: AsyncSession,
    actor: Actor,
    *,
    filter_text: str | None,
    order_text: str | None,
    q: str | None,
    cursor: str | None,
    limit: int,
) -> Page[ModelOutput]:
    """The models that the actor can see, by name unless another order is asked for."""
    expression, orders = parse(filter_text, MODELS), parse_order(order_text, MODELS)
    words = (q or "").strip()
    keys = _keys(orders, bound_to=["models", filter_text, order_text, words])
    conditions = [] if expression is None else [condition(expression, model_place)]
    if words:
        conditions.append(queries.says(words))
    if cursor is not None:
        conditions.append(keys.after(keys.read(cursor)))
    rows = await queries.page_of_models(session, actor, conditions, keys, limit)
    found, more = cut(rows, limit)
    return Page(
        items=await versions.show_models(session, [(row[0], row[1]) for row in found]),
        next_cursor=keys.cursor(found[-1][2:]) if more else None,
    )


def _keys(orders: tuple[Order, ...], *, bound_to: list[str | None]) -> Keyset:
    """The name ends every order: it is unique among models that are not deleted."""
    until_name = [order for order in orders if order.field != _BY_NAME.field]
    if len(until_name) < len(orders):
        at = [order.field for order in orders].index(_BY_NAME.field)
        return Keyset(list(sort_keys(orders[: at + 1], model_place)), bound_to=bound_to)
    return Keyset(list(sort_keys((*orders, _BY_NAME), model_place)), bound_to=bound_to)
