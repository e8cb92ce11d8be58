"""What can be tried on a journey. Shrinking tends to the first of each choice."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.journeys.catalogue import BASES, FREEZE, PIECES, PROTECT
from tests.journeys.people import CAST

Choice = st.SearchStrategy[Any]
ANYBODY = st.sampled_from(["dan", "bob", "mia", *sorted(CAST)])
WRITERS = st.sampled_from(["dan", "ci", "ada", "alice"])
REVIEWERS = st.sampled_from(["bob", "mia", "mia", "eve", "robot", "alice", "ada"])
MAINTAINERS = st.sampled_from(["mia", "ada", "ada", "bob"])
# Places in a list, counted around; of some, -1 is none of them.
PLACES = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4])
PERHAPS = st.sampled_from([-1, -1, 0, 1, 2, 3])
RARELY = st.sampled_from([False, False, False, True])
MOSTLY = st.sampled_from([True, True, True, False])
TEXTS = st.sampled_from(["What changed.", "Another text.", ""])
STAGES = st.sampled_from(
    ["staging", "archived", "production", "archived", "Production", "canary", "none"]
)
EXCLUSIVE = st.sampled_from(["production", "production", "production", "canary", "staging"])
ALIASES = st.sampled_from(["blue", "blue", "champion", "Production", "canary"])
BELIEFS = st.sampled_from(["any", "any", "any", "any", "right", "nobody", 1])
AUCS = st.sampled_from([0.9, 0.89, 0.91, 0.85])
STATUSES = st.sampled_from(["success", "failure", "pending"])
DIGESTS = st.sampled_from(["a" * 64, "b" * 64, None])


@dataclass(frozen=True, slots=True)
class Step:
    """That somebody tries something: a method of the journey, and with what."""

    what: str
    choices: dict[str, Any]

    def __repr__(self) -> str:
        choices = ", ".join(f"{name}={value!r}" for name, value in self.choices.items())
        return f"{self.what}({choices})"


def _step(what: str, **choices: Choice) -> st.SearchStrategy[Step]:
    return st.builds(Step, st.just(what), st.fixed_dictionaries(choices))


_GO = _step(
    "go_to_production",
    asker=WRITERS,
    version=PLACES,
    reviewers=st.lists(REVIEWERS, max_size=2),
    apply=RARELY,
)
_APPROVE = _step("review", who=REVIEWERS, promotion=PLACES, decision=st.just("approve"))
_APPLY = _step("apply", who=ANYBODY, promotion=PLACES, expected=BELIEFS)
_DESCRIBE = _step("describe", who=WRITERS, version=PLACES, text=TEXTS)
ADDED = st.lists(st.sampled_from(sorted(PIECES)), max_size=3, unique=True)
_POLICY = _step(
    "set_policy",
    who=MAINTAINERS,
    pieces=ADDED,
    base=st.sampled_from(["", "", "", "", *sorted(BASES), "nothing"]),
    more=st.sampled_from([{}, {}, {}, {}, PROTECT, FREEZE]),
)
_REPORT = _step("report", who=WRITERS, version=PLACES, found=AUCS | STATUSES, sha256=DIGESTS)
_OTHERS = [
    _step("register", who=WRITERS, text=TEXTS, ready=MOSTLY, auc=st.none() | AUCS),
    *[_step("ask", who=ANYBODY, version=PLACES, to=STAGES, apply=RARELY)] * 2,
    _step(
        "review",
        who=REVIEWERS,
        promotion=PLACES,
        decision=st.sampled_from(["reject", "withdraw", "comment"]),
    ),
    _step(
        "end",
        who=st.sampled_from(["ada", "mia", "dan", "ci"]),
        promotion=PLACES,
        how=st.sampled_from(["cancel", "override"]),
    ),
    *[_step("roll_back", who=MAINTAINERS, stage=EXCLUSIVE, to=PERHAPS, expected=BELIEFS)] * 2,
    _step("set_alias", who=MAINTAINERS | WRITERS, alias=ALIASES, version=PERHAPS),
    _step(
        "care_for",
        who=MAINTAINERS,
        version=PLACES,
        how=st.sampled_from(["finalize", "recall", "lift_recall", "delete"]),
    ),
    _step("look", who=ANYBODY, promotion=PERHAPS),
]
# What happens most is there several times.
STEPS = st.sampled_from(
    [*[_GO] * 3, *[_APPROVE, _APPLY, _DESCRIBE, _POLICY, _REPORT] * 2, *_OTHERS]
).flatmap(lambda kind: kind)
