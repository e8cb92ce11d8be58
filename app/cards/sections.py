"""What people note about the use and the limits of a version: decisions on plain values.

A section is a tag of the version, else of the model, and every comment on the version that begins
with its heading. The words are those of model cards (Mitchell et al., 2019)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

INTENDED_USE = "Intended use"
LIMITATIONS = "Limitations"
ETHICS = "Ethical considerations"
SECTIONS = (INTENDED_USE, LIMITATIONS, ETHICS)
_KEYS = {
    "intended use": INTENDED_USE,
    "limitations": LIMITATIONS,
    "limits": LIMITATIONS,
    "ethical considerations": ETHICS,
}
_HEADING = re.compile(r"\s*#{1,6}[ \t]*([^\n#]*?)[ \t:]*#*[ \t]*(?:\n|$)")


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody noted. `by` and `on` are those of a comment; a tag has neither."""

    text: str
    by: str | None = None
    on: str | None = None


def section_of(name: str) -> str | None:
    """The section that a tag's key or a heading means, however it is spelt."""
    return _KEYS.get(re.sub(r"[\s_-]+", " ", name).strip().lower())


def split(comment: str) -> tuple[str, str] | None:
    """The section that a comment is about, and its text; None for any other comment."""
    heading = _HEADING.match(comment)
    section = section_of(heading[1]) if heading else None
    if heading is None or section is None:
        return None
    text = comment[heading.end() :].strip()
    return (section, text) if text else None


def notes(
    version_tags: Mapping[str, str],
    model_tags: Mapping[str, str],
    comments: Iterable[tuple[str, str, str]],
) -> dict[str, list[Note]]:
    """The sections of which there is something, in their order; comments are (text, by, on)."""
    own, general = _tagged(version_tags), _tagged(model_tags)
    said = [(found, by, on) for text, by, on in comments if (found := split(text))]
    made = {
        section: [
            *([Note(tag)] if (tag := own.get(section) or general.get(section)) else []),
            *(Note(text, by, on) for (about, text), by, on in said if about == section),
        ]
        for section in SECTIONS
    }
    return {section: found for section, found in made.items() if found}


def _tagged(tags: Mapping[str, str]) -> dict[str, str]:
    return {
        section: value
        for key, value in sorted(tags.items(), reverse=True)
        if (section := section_of(key)) and value.strip()
    }


def is_section(key: str) -> bool:
    """Whether a tag stands in a section, and not among the others."""
    return section_of(key) is not None
