"""Every setting is documented, and the lock files are what `make` may rely on."""

import re
from pathlib import Path

import pytest

from app.core.settings import Settings

REPOSITORY = Path(__file__).parents[2]
LOCKS = ("server", "dev", "uv", "swift", "canaille")


def pins(name: str) -> set[str]:
    """The requirements that a lock file pins, with their markers."""
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
    return {line.removesuffix(" \\") for line in text.splitlines() if re.match(r"[a-z0-9]", line)}


def test_every_setting_is_documented_and_no_other() -> None:
    text = (REPOSITORY / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"^\| .*", text, re.MULTILINE))
    named = {name for row in documented for name in re.findall(r"`STAGEWARD_(\w+)`", row)}
    assert named == {name.upper() for name in Settings.model_fields}


def test_the_development_lock_pins_all_that_the_server_lock_pins() -> None:
    assert pins("server") <= pins("dev")


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes_and_no_index_is_named(name: str) -> None:
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    for pin in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in pin, pin.splitlines()[0]
