"""Reading a Dockerfile and a .dockerignore, as far as ours go."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

KNOWN = {
    *("ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("RUN", "USER", "VOLUME", "WORKDIR"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction; `rest` is what follows its name, on one line."""

    name: str
    rest: str

    @property
    def flags(self) -> dict[str, str]:
        """`--from=builder` and the like."""
        found = re.findall(r"(?:^|\s)--([a-z-]+)=(\S+)", self.rest.partition(" CMD ")[0])
        return dict(found)

    @property
    def words(self) -> list[str]:
        """The words without flags; of an exec form, its elements."""
        text = re.sub(r"^(?:--[a-z-]+=\S+\s+)+", "", self.rest)
        return list(json.loads(text)) if self.is_exec else shlex.split(text)

    @property
    def is_exec(self) -> bool:
        """Whether it is written as a JSON list, and so runs without a shell."""
        return re.sub(r"^(?:--[a-z-]+=\S+\s+)+", "", self.rest).startswith("[")

    @property
    def pairs(self) -> dict[str, str]:
        """The names and values of an ENV or a LABEL."""
        return dict(word.partition("=")[::2] for word in self.words)


@dataclass(slots=True)
class Stage:
    """What one FROM begins."""

    image: str
    name: str | None
    steps: list[Step] = field(default_factory=list)

    def last(self, name: str) -> Step:
        """The instruction of this name that counts: the last."""
        return [step for step in self.steps if step.name == name][-1]

    def all(self, name: str) -> list[Step]:
        """Every instruction of this name."""
        return [step for step in self.steps if step.name == name]


def read(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, the names in FROM replaced by the defaults of their ARGs."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for step in _steps(path.read_text()):
        if step.name not in KNOWN:
            raise ValueError(f"{path.name}: what {step.name} means is not known here")
        if step.name == "FROM":
            image, _, name = filled(step.rest, arguments).partition(" AS ")
            stages.append(Stage(image, name or None))
        elif stages:
            stages[-1].steps.append(step)
        else:
            arguments |= step.pairs
    return stages


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with `$NAME` and `${NAME}` replaced; what has no value is empty."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values.get(found[1], ""), text)


def healthcheck(stage: Stage) -> list[str]:
    """The command of a HEALTHCHECK in exec form."""
    return list(json.loads(stage.last("HEALTHCHECK").rest.partition("CMD ")[2]))


def context(root: Path) -> Iterator[Path]:
    """Every file that a builder is given: what .dockerignore leaves, relative to `root`."""
    lines = (root / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    wanted = [line[1:] for line in patterns if line.startswith("!")]
    for name in wanted:
        start = root / name
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            inner = path.relative_to(root)
            if path.is_file() and not _is_ignored(inner, patterns):
                yield inner


def _is_ignored(path: Path, patterns: list[str]) -> bool:
    """The last pattern that matches the path, or a folder above it, decides."""
    names = [str(PurePosixPath(*path.parts[:n])) for n in range(1, len(path.parts) + 1)]
    ignored = False
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        anywhere = wanted.removeprefix("**/")
        if any(
            fnmatch(name, wanted) or (anywhere != wanted and fnmatch(Path(name).name, anywhere))
            for name in names
        ):
            ignored = not pattern.startswith("!")
    return ignored


def _steps(text: str) -> Iterator[Step]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield Step(name.upper(), re.sub(r"\s+", " ", rest.strip()))
