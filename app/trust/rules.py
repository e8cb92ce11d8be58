"""Whether a token's claims are those that a trust asks for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.canonical import digest_of
from app.core.globs import matches
from app.issuers.rules import LEEWAY
from app.trust.presets import PRESETS, faults

# What is checked of every token, or is another one in each: no rule on them would say anything.
CHECKED_ANYWAY = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti"})
# What an event of an exchange tells besides the claims that were asked for, where it is there.
TOLD = (
    *("repository", "repository_id", "ref", "sha", "environment", "event_name", "actor"),
    *("workflow_ref", "run_id", "run_attempt"),
    *("project_path", "project_id", "pipeline_id", "pipeline_source", "job_id", "user_login"),
    "jti",
)
MOST_TOLD = 500
Rules = Mapping[str, list[str]]


def texts(value: Any) -> list[str]:
    """What a claim says, as texts: a text, a number or a truth value, or a list of such. What is
    nested deeper says nothing here."""
    values = value if isinstance(value, list) else [value]
    return [found for one in values if (found := _text(one)) is not None]


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return value if isinstance(value, str) else None


def mismatches(rules: Rules, claims: Mapping[str, Any]) -> list[str]:
    """The claims that are not as the rules ask; none: the token fits. A claim that is not there
    matches nothing, `*` not either."""
    return [name for name in sorted(rules) if not fits(rules[name], claims.get(name))]


def fits(patterns: list[str], value: Any) -> bool:
    """Whether what a claim says matches one of the patterns."""
    return any(matches(pattern, text) for text in texts(value) for pattern in patterns)


def faults_of(preset: str | None, rules: Rules) -> list[tuple[str, str]]:
    """What is wrong with rules: which one (`""`: all of them), and why."""
    found = [
        (name, "This is checked of every token, or differs in each: a rule on it says nothing.")
        for name in rules
        if name in CHECKED_ANYWAY
    ]
    if preset is not None and not found:
        found = faults(PRESETS[preset], dict(rules))
    if not found and not any(_narrows(patterns) for patterns in rules.values()):
        found = [("", "Every rule matches anything: whoever has a token of the issuer would fit.")]
    return found


def _narrows(patterns: list[str]) -> bool:
    return all(pattern.strip("*?") for pattern in patterns)


def digest_of_use(issuer: str, claims: Mapping[str, Any], signed: bytes) -> str:
    """What is noted so that a token counts once: its `jti`, or else all that was signed. Not its
    text, of which there can be several with signatures that all count."""
    jti = claims.get("jti")
    if isinstance(jti, str) and jti:
        return digest_of(["jti", issuer, jti])
    return digest_of(["signed", issuer, signed.decode("ascii")])


def counts_until(claims: Mapping[str, Any]) -> datetime:
    """After which no clock within the leeway takes the token again."""
    ends = datetime.fromtimestamp(float(claims["exp"]), UTC)
    return ends + timedelta(seconds=2 * LEEWAY)


def told(rules: Rules, claims: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """What an event tells of a token: the claims that were asked for, and which run it was."""
    found: dict[str, str | list[str]] = {}
    for name in dict.fromkeys([*sorted(rules), *TOLD]):
        said = [text[:MOST_TOLD] for text in texts(claims.get(name))][:50]
        if said:
            found[name] = said if isinstance(claims[name], list) else said[0]
    return found


def label(preset: str | None, trust: str, claims: Mapping[str, Any]) -> str:
    """The name of an exchanged token, by which its run is recognised in a list."""
    claim = PRESETS[preset].label if preset else "sub"
    who = next(iter(texts(claims.get(claim))), "")
    return "".join(sign for sign in f"{preset or trust}: {who}" if sign.isprintable())[:128]
