"""What was found, a line each."""

from collections import Counter

import typer

MOST_TOLD = 20


class Findings:
    """What was found, printed as it is found."""

    def __init__(self) -> None:
        self.well = True
        self._told: Counter[str] = Counter()

    def good(self, text: str) -> None:
        """Say that something is as it should be."""
        typer.echo(f"ok     {text}")

    def bad(self, text: str) -> None:
        """Say that something is wrong, and remember it."""
        self.well = False
        typer.echo(f"WRONG  {text}")

    def note(self, text: str) -> None:
        """Say something that is worth knowing."""
        typer.echo(f"note   {text}")

    def has_room(self, kind: str) -> bool:
        """Whether one more of a kind is to be told: of what may be many, the first are."""
        self._told[kind] += 1
        return self._told[kind] <= MOST_TOLD

    def tell_rest(self) -> None:
        """Say how many of each kind were not told one by one."""
        for kind, count in sorted(self._told.items()):
            if count > MOST_TOLD:
                self.note(f"{kind}: and {count - MOST_TOLD} more like these.")
        self._told.clear()
