"""The guide to governance, as the tests read it: what they set is what stands there."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "governance.md"
BLOCK = re.compile(
    r"^<!-- (policy|gate): ([a-z-]+) -->\n```json\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def blocks(kind: str) -> dict[str, Any]:
    """Every policy or gate that the guide shows, by its name."""
    found = BLOCK.findall(GUIDE.read_text())
    return {name: json.loads(text) for which, name, text in found if which == kind}


def policy(name: str) -> dict[str, Any]:
    """A worked policy. A freeze in it is moved by whole years, so that it is still to come
    whenever this runs."""
    found: dict[str, Any] = blocks("policy")[name]
    for window in found.get("freeze", ()):
        while datetime.fromisoformat(window["from"]) <= datetime.now(UTC):
            for end in ("from", "to"):
                window[end] = str(int(window[end][:4]) + 1) + window[end][4:]
    return found


def gates_of(body: dict[str, Any], stage: str) -> list[dict[str, Any]]:
    """The gates that a policy names for a stage."""
    return [gate for each in body["stages"] if each["name"] == stage for gate in each["gates"]]


def quoted() -> list[str]:
    """The sentences of gates that the guide quotes."""
    return re.findall(r"^> (.+)$", GUIDE.read_text(), re.MULTILINE)
