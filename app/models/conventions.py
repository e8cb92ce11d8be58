"""The naming rules of a model: regular expressions for names, aliases and tags, and tags that every
version must have. Decisions on plain values.

Patterns are RE2's, which takes time in proportion to the text whatever the pattern, and a pattern
is held against the whole of a text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

MOST_PATTERN = 500
MOST_MEMORY = 1 << 20  # of a compiled pattern, in bytes
LACKS = (
    "It is RE2's syntax: there are no look-aheads and look-behinds, no back-references, no atomic "
    "groups and possessive repetitions, and no repetition of more than 1,000 times."
)
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = MOST_MEMORY


@dataclass(frozen=True, slots=True)
class Breach:
    """That something breaks a rule: `field` is what (`name`, `alias`, `tags.team`), `rule` which of
    the rules, `pattern` the one that it has, and `detail` what is wrong and what to do."""

    field: str
    rule: str
    detail: str
    pattern: str | None = None
    expected: str | None = None

    @property
    def pointer(self) -> str:
        """Where in the body of a request the field stands."""
        root, dot, key = self.field.partition(".")
        return f"/{root}" + (f"/{key.replace('~', '~0').replace('/', '~1')}" if dot else "")


def check_pattern(pattern: str) -> str:
    """The pattern itself, if it is one; a ValueError says where it is none, and why."""
    try:
        _compiled(pattern)
    except re2.error as error:
        raise ValueError(_why(pattern, error)) from error
    return pattern


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern, _OPTIONS)


def _why(pattern: str, error: Exception) -> str:
    said = error.args[0] if error.args else ""
    said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    what, _, piece = said.partition(": ")
    at = pattern.find(piece) if piece else len(pattern.rstrip("\\"))
    where = f" at column {at + 1}" if at >= 0 else ""
    shown = f": `{piece}`" if piece else ""
    return f"is no regular expression{where}: {what}{shown}. {LACKS}"


def fits(pattern: str, text: str) -> bool:
    """Whether the whole of a text is what a pattern says. One that cannot be read any more (a
    redaction went through it) says nothing; `unreadable` finds it."""
    try:
        return _compiled(pattern).fullmatch(text) is not None
    except re2.error:
        return True


def unreadable(naming: Mapping[str, Any]) -> list[str]:
    """The rules whose patterns cannot be read any more."""
    broken = []
    for rule, pattern in _patterns(naming):
        try:
            _compiled(pattern)
        except re2.error:
            broken.append(rule)
    return broken


def _patterns(naming: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for rule in ("version_pattern", "alias_pattern", "tag_key_pattern"):
        if naming.get(rule) is not None:
            yield rule, naming[rule]
    for key, pattern in (naming.get("tag_patterns") or {}).items():
        yield f"tag_patterns.{key}", pattern


def name_breaches(naming: Mapping[str, Any] | None, name: str | None) -> list[Breach]:
    """What is wrong with the name of a version. One without a name breaks nothing."""
    pattern = (naming or {}).get("version_pattern")
    if pattern is None or name is None or fits(pattern, name):
        return []
    return [
        Breach(
            "name",
            "version_pattern",
            f"The name `{name}` does not match `{pattern}`, which names of this model's versions "
            "must match as a whole.",
            pattern,
        )
    ]


def alias_breaches(naming: Mapping[str, Any] | None, alias: str) -> list[Breach]:
    """What is wrong with the name of an alias."""
    pattern = (naming or {}).get("alias_pattern")
    if pattern is None or fits(pattern, alias):
        return []
    return [
        Breach(
            "alias",
            "alias_pattern",
            f"The alias `{alias}` does not match `{pattern}`, which aliases of this model must "
            "match as a whole.",
            pattern,
        )
    ]


def tag_breaches(naming: Mapping[str, Any] | None, tags: Mapping[str, str]) -> list[Breach]:
    """What is wrong with the tags of a version."""
    return list(_tag_breaches(naming or {}, tags))


def _tag_breaches(naming: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[Breach]:
    for key in naming.get("required_tags") or ():
        if key not in tags:
            detail = f"The tag `{key}` is missing: every version of this model must have it."
            yield Breach(f"tags.{key}", "required_tags", detail)
    for_keys = naming.get("tag_key_pattern")
    for_values = naming.get("tag_patterns") or {}
    for key, value in tags.items():
        if for_keys is not None and not fits(for_keys, key):
            yield Breach(
                f"tags.{key}",
                "tag_key_pattern",
                f"The tag key `{key}` does not match `{for_keys}`, which the keys of tags must "
                "match as a whole.",
                for_keys,
            )
        pattern = for_values.get(key)
        if pattern is not None and not fits(pattern, value):
            yield Breach(
                f"tags.{key}",
                "tag_patterns",
                f"The value of the tag `{key}` does not match `{pattern}`, which it must match as "
                "a whole.",
                pattern,
            )
