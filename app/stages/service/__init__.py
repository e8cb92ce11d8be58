"""The use cases of stages, a file for each."""

from app.stages.service.aliases import point, remove
from app.stages.service.layout import laid_out, lay_out
from app.stages.service.leaving import drop_aliases, leave
from app.stages.service.references import (
    AskedColumns,
    Holder,
    aliases_of,
    is_open,
    is_stage,
    meant,
    open_tenure,
    resolves,
    stage_named,
    stage_of,
    stages_of_model,
)
from app.stages.service.rollback import check_expected, roll_back
from app.stages.service.show import (
    alias,
    alias_history,
    aliases,
    overview,
    shown_alias,
    stage_at,
    transitions,
)
from app.stages.service.tenures import enter, incumbents, instant_for

__all__ = [
    "AskedColumns",
    "Holder",
    "alias",
    "alias_history",
    "aliases",
    "aliases_of",
    "check_expected",
    "drop_aliases",
    "enter",
    "incumbents",
    "instant_for",
    "is_open",
    "is_stage",
    "laid_out",
    "lay_out",
    "leave",
    "meant",
    "open_tenure",
    "overview",
    "point",
    "remove",
    "resolves",
    "roll_back",
    "shown_alias",
    "stage_at",
    "stage_named",
    "stage_of",
    "stages_of_model",
    "transitions",
]
