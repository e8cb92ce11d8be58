"""Reading what is to be compared: `3,5,production,fraud/production`."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.problems import InvalidRequest

FEWEST, MOST = 2, 20


@dataclass(frozen=True, slots=True)
class Named:
    """A version as it was asked for."""

    model: str
    ref: str
    text: str


def parse_versions(text: str, model: str) -> list[Named]:
    """The versions that a parameter names: references of the model, or of another one after its
    name and a slash. A 422 where there are too few, too many, or one stands there twice."""
    parts = [part.strip() for part in text.split(",")]
    if not FEWEST <= len(parts) <= MOST or not all(parts):
        raise refused(
            "versions",
            f"Name {FEWEST} to {MOST} versions with commas between them, such as "
            "`3,5,production`; one of another model as `fraud/production`.",
        )
    twice = next((part for at, part in enumerate(parts) if part in parts[:at]), None)
    if twice is not None:
        raise refused("versions", f"`{twice[:200]}` is named twice. Name each version once.")
    return [_named(part, model) for part in parts]


def parse_baseline(text: str | None, named: Sequence[Named]) -> int:
    """The place of the version that the others are compared with: the first, or the one that is
    named as it stands in `versions`."""
    if text is None:
        return 0
    wanted = text.strip()
    for at, each in enumerate(named):
        if each.text == wanted:
            return at
    shown = ", ".join(f"`{each.text[:200]}`" for each in named)
    raise refused("baseline", f"Name one of the versions as it stands in `versions`: {shown}.")


def refused(parameter: str, detail: str) -> InvalidRequest:
    """The problem with a parameter."""
    return InvalidRequest(detail, errors=[{"pointer": parameter, "detail": detail}])


def _named(part: str, model: str) -> Named:
    other, slash, ref = part.partition("/")
    return Named(other, ref, part) if slash else Named(model, part, part)
