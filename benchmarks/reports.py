"""What a measurement found, as Markdown."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Section:
    """A heading, a table, and remarks below it."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The first column is text, the others are figures and stand to the right."""
        lines = [f"### {self.title}", "", _line(self.columns)]
        lines.append(_line(("---", *["---:"] * (len(self.columns) - 1))))
        lines += [_line(row) for row in self.rows]
        for remark in self.remarks:
            lines += ["", remark]
        return "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
