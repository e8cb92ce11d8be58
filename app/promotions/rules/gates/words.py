"""How sentences about gates name things."""

from collections.abc import Sequence

from app.policies.gates import Reporters
from app.promotions.rules.gates.evidence import Reporter, digest_in

_LONGEST = 100
MOST_NAMED = 5


def named(text: str, longest: int = _LONGEST) -> str:
    """A name on one line, cut where it is very long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def short(digest: str) -> str:
    """The beginning of a digest."""
    return f"{digest[:6]}…"


def listed(names: Sequence[str], last: str = "and", most: int = MOST_NAMED) -> str:
    """`a, b and c`; where there are many, the first and how many more."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def data_called(dataset: str) -> str:
    """A gate's data set: its name, or the beginning of its digest."""
    digest = digest_in(dataset)
    return f"the data {short(digest)}" if digest else named(dataset)


def by_whom(reporter: Reporter) -> str:
    """Who reported something; of a service account also whose it is."""
    whose = f", owned by {named(reporter.owner)}" if reporter.owner else ""
    return f"reported by {named(reporter.name)}{whose}"


def who_counts(reported_by: Reporters | None) -> str:
    """Whose reports count, as in `reported by …`."""
    if reported_by is None:
        return "anybody"
    people = [named(name) for name in reported_by.identities]
    groups = [f"a member of {named(group)}" for group in reported_by.groups]
    return listed([*people, *groups], "or")
