"""What is known of the tokens of GitHub Actions and of GitLab CI, so that a rule with a slip of
the pen is refused and none is so wide that anybody's pipeline fits."""

from dataclasses import dataclass

ANY = ("*", "?")


@dataclass(frozen=True, slots=True)
class Preset:
    """An issuer's tokens: their claims, and the sets of claims that say whose pipeline it is.

    A name in `paths` begins with its owner, which a pattern must spell out; those in `exact` are
    spelt out whole. `label` names a run in a list of tokens.
    """

    issuer: str
    claims: frozenset[str]
    identifying: tuple[frozenset[str], ...]
    paths: frozenset[str]
    exact: frozenset[str]
    label: str


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


GITHUB = Preset(
    issuer="https://token.actions.githubusercontent.com",
    claims=_names(
        "actor actor_id base_ref check_run_id enterprise enterprise_id environment "
        "environment_node_id event_name head_ref job_workflow_ref job_workflow_sha ref "
        "ref_protected ref_type repository repository_id repository_owner repository_owner_id "
        "repository_visibility run_attempt run_id run_number runner_environment sha sub workflow "
        "workflow_ref workflow_sha"
    ),
    identifying=(
        frozenset({"repository"}),
        frozenset({"repository_id"}),
        # A whole organisation, through one workflow of its own.
        frozenset({"repository_owner", "job_workflow_ref"}),
        frozenset({"repository_owner_id", "job_workflow_ref"}),
    ),
    paths=frozenset({"repository", "job_workflow_ref", "workflow_ref"}),
    exact=frozenset({"repository_id", "repository_owner", "repository_owner_id"}),
    label="repository",
)
GITLAB = Preset(
    issuer="https://gitlab.com",
    claims=_names(
        "ci_config_ref_uri ci_config_sha deployment_tier environment environment_action "
        "environment_protected groups_direct job_id job_namespace_id job_namespace_path "
        "job_policy_ref_sha job_policy_ref_uri job_project_id job_project_path job_source "
        "namespace_id namespace_path pipeline_id pipeline_source pipeline_source_event project_id "
        "project_path project_visibility ref ref_path ref_protected ref_type runner_environment "
        "runner_id sha sub target_ref target_ref_protected user_access_level user_email user_id "
        "user_login"
    ),
    identifying=(
        frozenset({"project_path"}),
        frozenset({"project_id"}),
        frozenset({"namespace_path"}),
        frozenset({"namespace_id"}),
    ),
    paths=frozenset({"project_path", "namespace_path", "job_project_path"}),
    exact=frozenset({"project_id", "job_project_id", "namespace_id"}),
    label="project_path",
)
PRESETS = {"github": GITHUB, "gitlab": GITLAB}


def faults(preset: Preset, claims: dict[str, list[str]]) -> list[tuple[str, str]]:
    """What is wrong with rules on the claims of such tokens: which rule, and why."""
    found = [
        (name, f"Tokens of this issuer have no such claim. They have {_listed(preset.claims)}.")
        for name in claims
        if name not in preset.claims
    ]
    if not any(needed <= claims.keys() for needed in preset.identifying):
        ways = " or ".join(_listed(needed, " with ") for needed in preset.identifying)
        found.append(("", f"Say whose pipeline it is: {ways}."))
    for name in sorted(claims.keys() & (preset.paths | preset.exact)):
        wide = [p for p in claims[name] if _is_wide(p, whole=name in preset.exact)]
        if wide:
            found.append((name, f"`{wide[0]}` must name {_whom(preset, name)} without `*` or `?`."))
    return found


def _is_wide(pattern: str, *, whole: bool) -> bool:
    spelt_out = pattern if whole else pattern.partition("/")[0]
    return not spelt_out or any(sign in spelt_out for sign in ANY)


def _whom(preset: Preset, name: str) -> str:
    return "it whole" if name in preset.exact else "its owner, before the first slash,"


def _listed(names: frozenset[str], between: str = ", ") -> str:
    return between.join(f"`{name}`" for name in sorted(names))
