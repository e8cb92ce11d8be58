"""What a convention makes of a version: decisions on plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.models.conventions import Breach, alias_breaches, name_breaches, tag_breaches
from app.models.rules import LacksField, render_name


@dataclass(frozen=True, slots=True)
class Convention:
    """The template and the rules of a model of this name."""

    model: str
    template: str | None
    rules: Mapping[str, Any] | None

    @property
    def is_about_names(self) -> bool:
        """Whether it says anything of the names of versions."""
        return self.template is not None or bool((self.rules or {}).get("version_pattern"))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a version's name is made from."""

    number: int
    created_at: datetime
    tags: Mapping[str, str]
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    code: Mapping[str, Any] | None


def rendered(convention: Convention, facts: Facts) -> tuple[str | None, Breach | None]:
    """The name that the template gives, or what stands in its way; neither without a template."""
    template = convention.template
    if template is None:
        return None, None
    known = {
        "model": convention.model,
        "number": facts.number,
        "tags": facts.tags,
        "params": facts.params,
        "metrics": facts.metrics,
        "code": facts.code,
    }
    try:
        return render_name(template, known, facts.created_at), None
    except LacksField as lack:
        detail = (
            f"The template `{template}` needs `{lack.field}`, which is not there. Add it, or give "
            "the version a `name`."
        )
        return None, Breach(lack.field, "template", detail)
    except ValueError as error:
        return None, Breach("name", "template", f"The template `{template}` {error}.")


def preview(
    convention: Convention, facts: Facts, own: str | None
) -> tuple[str | None, list[Breach]]:
    """The name that a version would be registered with, and what would be wrong: exactly what is
    refused then. `own` is the name that it brings."""
    name, wrong = (own, None) if own is not None else rendered(convention, facts)
    breaches = [] if wrong is None else [wrong]
    breaches += tag_breaches(convention.rules, facts.tags)
    return name, breaches + name_breaches(convention.rules, name)


def lint_version(convention: Convention, facts: Facts, name: str | None) -> list[Breach]:
    """What does not follow the convention in an existing version, and what would."""
    right, wrong = rendered(convention, facts)
    breaches = []
    if name is None and convention.is_about_names:
        breaches.append(_missing(right))
    elif name is not None and right is not None and name != right:
        detail = f"It is called `{name}`; the template makes it `{right}`."
        breaches.append(Breach("name", "template", detail, None, right))
    if wrong is not None:
        breaches.append(wrong)
    breaches += name_breaches(convention.rules, name)
    return breaches + tag_breaches(convention.rules, facts.tags)


def _missing(right: str | None) -> Breach:
    would = f" The template makes it `{right}`." if right is not None else ""
    return Breach("name", "missing", f"It has no name.{would}", None, right)


def lint_alias(convention: Convention, alias: str) -> list[Breach]:
    """What does not follow the convention in an alias."""
    return alias_breaches(convention.rules, alias)
