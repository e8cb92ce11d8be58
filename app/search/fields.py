"""What models and versions may be searched and ordered by."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.search.syntax import Field, Kind

MAX_KEY = 250
# How many steps follow a root: none, one of those listed, a key of a flat map (whatever dots it
# holds), or a way into open JSON.
Shape = Literal["plain", "parts", "map", "open"]


@dataclass(frozen=True, slots=True)
class Spec:
    """A field as it may be asked for."""

    kind: Kind
    shape: Shape = "plain"
    many: bool = False
    choices: tuple[str, ...] = ()


class UnknownField(ValueError):
    """No such field; the text says what there is."""


class Fields:
    """The fields of one kind of thing. A name with a dot is a part of its root."""

    def __init__(self, specs: Mapping[str, Spec], synonyms: Mapping[str, str], owner: str) -> None:
        """`synonyms` are other words for a root; `owner` is whose fields these are."""
        self.specs = specs
        self.owner = owner
        self._synonyms = synonyms
        self.names = sorted(
            name + ("" if s.shape == "plain" else ".<key>") for name, s in specs.items()
        )

    def spec(self, field: Field) -> Spec:
        """The spec of a field that `find` found."""
        for length in range(len(field.path), -1, -1):
            spec = self.specs.get(".".join((field.root, *field.path[:length])))
            if spec is not None:
                return spec
        raise KeyError(field.root)

    def find(self, steps: tuple[str, ...], *, exact: bool, column: int) -> Field:
        """The field of these steps; `exact` where one of them stood in backticks. Raises
        UnknownField."""
        root, *rest = (self._synonyms.get(steps[0].lower(), steps[0].lower()), *steps[1:])
        for taken in range(min(len(rest), 1), -1, -1):
            name = ".".join((root, *(step.lower() for step in rest[:taken])))
            spec = self.specs.get(name)
            if spec is not None:
                part, keys = [step.lower() for step in rest[:taken]], rest[taken:]
                return self._field(root, part, keys, spec, exact=exact, column=column)
        raise UnknownField(self._unknown(root, rest))

    def _field(
        self, root: str, part: list[str], keys: list[str], spec: Spec, *, exact: bool, column: int
    ) -> Field:
        name = ".".join((root, *part))
        if spec.shape == "plain" and keys:
            raise UnknownField(f"`{name}` has no parts: write `{name}` alone")
        if spec.shape == "map" and not keys:
            raise UnknownField(f"`{name}` needs a key: `{name}.<key>`")
        if spec.shape == "open" and not keys and not part:
            raise UnknownField(f"`{name}` needs a key: `{name}.<key>`")
        if spec.shape == "map":
            keys = [".".join(keys)]
        if len(keys) > 20 or any(len(key) > 8 * MAX_KEY for key in keys):
            raise UnknownField(f"`{name}` has keys of at most 20 steps")
        return Field(root, (*part, *keys), spec.kind, spec.many, exact and bool(keys), column)

    def _unknown(self, root: str, rest: list[str]) -> str:
        parts = [name for name in self.names if name.startswith(f"{root}.")]
        if parts and not rest:
            return f"`{root}` has parts: {', '.join(parts)}"
        written = ".".join((root, *rest))[:80]
        near = self._near(root, rest)
        meant = f"; did you mean `{near}`?" if near else "."
        return f"there is no field `{written}`{meant} The fields of {self.owner} are " + ", ".join(
            self.names
        )

    def _near(self, root: str, rest: list[str]) -> str | None:
        plain = [name for name, spec in self.specs.items() if spec.shape == "plain"]
        maps = [name for name, spec in self.specs.items() if spec.shape != "plain"]
        whole = difflib.get_close_matches(".".join((root, *rest))[:80], plain, n=1, cutoff=0.7)
        if whole:
            return whole[0]
        if rest:
            roots = difflib.get_close_matches(root[:80], maps, n=1, cutoff=0.7)
            return f"{roots[0]}.{'.'.join(rest)[:80]}" if roots else None
        return f"metrics.{root[:80]}" if "metrics" in self.specs else f"tags.{root[:80]}"


TEXT, TIME, INTEGER = Spec(Kind.TEXT), Spec(Kind.TIME), Spec(Kind.INTEGER)
STATUSES = ("draft", "verifying", "ready", "failed", "discarded")
ROLES = ("train", "validation", "test", "other")

VERSIONS = Fields(
    {
        "model": TEXT,
        "number": INTEGER,
        "name": TEXT,
        "description": TEXT,
        "status": Spec(Kind.CHOICE, choices=STATUSES),
        "stage": Spec(Kind.WORD),
        "alias": Spec(Kind.TEXT, many=True),
        "author": Spec(Kind.TEXT, many=True),
        "tags": Spec(Kind.TEXT, "map"),
        "metrics": Spec(Kind.NUMBER, "map"),
        "params": Spec(Kind.OPEN, "open"),
        "code.repository": TEXT,
        "code.commit": TEXT,
        "code.branch": TEXT,
        "code.dirty": Spec(Kind.BOOLEAN),
        "code.entrypoint": TEXT,
        "code.diff_sha256": Spec(Kind.DIGEST),
        "datasets.name": Spec(Kind.TEXT, many=True),
        "datasets.role": Spec(Kind.CHOICE, many=True, choices=ROLES),
        "datasets.version": Spec(Kind.TEXT, many=True),
        "datasets.uri": Spec(Kind.TEXT, many=True),
        "datasets.sha256": Spec(Kind.DIGEST, many=True),
        "datasets.rows": Spec(Kind.NUMBER, many=True),
        "preprocessing.name": Spec(Kind.TEXT, many=True),
        "preprocessing.version": Spec(Kind.TEXT, many=True),
        "preprocessing.sha256": Spec(Kind.DIGEST, many=True),
        "preprocessing.description": Spec(Kind.TEXT, many=True),
        "environment.python": TEXT,
        "environment.platform": TEXT,
        "environment.container_image": TEXT,
        "environment.packages": Spec(Kind.TEXT, "map"),
        "environment.hardware": Spec(Kind.OPEN, "open"),
        "seed": INTEGER,
        "run.tracker": TEXT,
        "run.id": TEXT,
        "run.url": TEXT,
        "source": TEXT,
        "size": INTEGER,
        "files_count": INTEGER,
        "manifest_sha256": Spec(Kind.DIGEST),
        "recipe_sha256": Spec(Kind.DIGEST),
        "recalled": Spec(Kind.BOOLEAN),
        "created_by": TEXT,
        "created_at": TIME,
        "ready_at": TIME,
    },
    {"aliases": "alias", "authors": "author"},
    "a version",
)
MODELS = Fields(
    {
        "name": TEXT,
        "description": TEXT,
        "tags": Spec(Kind.TEXT, "map"),
        "name_template": TEXT,
        "created_by": TEXT,
        "created_at": TIME,
        "updated_at": TIME,
        "latest_version": INTEGER,
        "stage": Spec(Kind.WORD, many=True),
        "alias": Spec(Kind.TEXT, many=True),
    },
    {"stages": "stage", "aliases": "alias"},
    "a model",
)
