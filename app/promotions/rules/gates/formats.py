"""Deciding a formats gate: which formats the files have, by their names."""

from app.policies.gates import FormatsGate
from app.policies.gates.formats import endings_of, formats_of, is_of, wanted_by
from app.promotions.rules.gates.evidence import Evidence
from app.promotions.rules.gates.words import MOST_NAMED, listed, named


def decide_formats(gate: FormatsGate, evidence: Evidence) -> tuple[bool, str]:
    """Whether the gate passes, and why. A version without files has none that is denied."""
    files = sorted(evidence.files)
    wrong = []
    if gate.deny is not None:
        wrong += _told("of a format that is denied", _denied(files, gate.deny))
    if gate.allow is not None and not files:
        wrong.append("It holds no file.")
    elif gate.allow is not None:
        wanted = wanted_by(gate.allow)
        others = [f for f in files if endings_of(f).isdisjoint(wanted)]
        told = [_with_formats(path) for path in others[:MOST_NAMED]] + others[MOST_NAMED:]
        wrong += _told(f"not of a format that is allowed ({listed(gate.allow)})", told)
    if wrong:
        return False, " ".join(wrong)
    if not files:
        return True, "It holds no file."
    number = "Its one file is" if len(files) == 1 else f"All its {len(files)} files are"
    return True, f"{number} of formats that may be there."


def _denied(files: list[str], deny: list[str]) -> list[str]:
    wanted = wanted_by(deny)
    denied = [path for path in files if not endings_of(path).isdisjoint(wanted)]
    return [f"{named(path)} ({_entry(path, deny)})" for path in denied[:MOST_NAMED]] + denied[
        MOST_NAMED:
    ]


def _entry(path: str, deny: list[str]) -> str:
    return next(entry for entry in deny if is_of(path, entry))


def _with_formats(path: str) -> str:
    formats = formats_of(path)
    return f"{named(path)} ({listed(formats)})" if formats else named(path)


def _told(what: str, files: list[str]) -> list[str]:
    if not files:
        return []
    number = "One file is" if len(files) == 1 else f"{len(files)} files are"
    return [f"{number} {what}: {listed(files)}."]
