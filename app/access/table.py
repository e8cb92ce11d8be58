"""Every right in one table: permission → who may.

Each route names one permission (a test walks them all); `PUBLIC` lists the few that need none.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.core.actor import Role, Scope


class Permission(StrEnum):
    """One kind of thing that an actor may be allowed to do."""

    SELF_READ = "self.read"
    MODELS_LIST = "models.list"
    MODELS_CREATE = "models.create"
    MODELS_READ = "models.read"
    MODELS_EDIT = "models.edit"
    MODELS_DELETE = "models.delete"
    MODELS_RESTORE = "models.restore"
    MODELS_PURGE = "models.purge"
    VERSIONS_CREATE = "versions.create"
    VERSIONS_READ = "versions.read"
    VERSIONS_EDIT = "versions.edit"
    VERSIONS_DELETE = "versions.delete"
    VERSIONS_RECALL = "versions.recall"
    FILES_READ = "files.read"
    FILES_WRITE = "files.write"
    STAGES_READ = "stages.read"
    STAGES_EMPTY = "stages.empty"
    STAGES_ROLL_BACK = "stages.roll_back"
    ALIASES_SET = "aliases.set"
    ALIASES_SET_PROTECTED = "aliases.set_protected"
    EVALUATIONS_READ = "evaluations.read"
    EVALUATIONS_REPORT = "evaluations.report"
    CHECKS_READ = "checks.read"
    CHECKS_REPORT = "checks.report"
    COMMENTS_READ = "comments.read"
    COMMENTS_WRITE = "comments.write"
    COMMENTS_DELETE_ANY = "comments.delete_any"
    POLICY_READ = "policy.read"
    POLICY_PREVIEW = "policy.preview"
    POLICY_ADD = "policy.add"
    POLICY_LOOSEN = "policy.loosen"
    PROMOTIONS_LIST = "promotions.list"
    PROMOTIONS_READ = "promotions.read"
    PROMOTIONS_REQUEST = "promotions.request"
    PROMOTIONS_REVIEW = "promotions.review"
    PROMOTIONS_APPLY = "promotions.apply"
    PROMOTIONS_CANCEL = "promotions.cancel"
    PROMOTIONS_OVERRIDE = "promotions.override"
    IDENTITIES_READ = "identities.read"
    IDENTITIES_MANAGE = "identities.manage"
    GROUPS_READ = "groups.read"
    GROUPS_MANAGE = "groups.manage"
    GRANTS_READ = "grants.read"
    GRANTS_MANAGE = "grants.manage"
    TOKENS_READ = "tokens.read"
    TOKENS_ISSUE = "tokens.issue"
    TOKENS_REVOKE = "tokens.revoke"
    EVENTS_READ = "events.read"
    EVENTS_VERIFY = "events.verify"
    EVENTS_EXPORT = "events.export"
    REDACTIONS_READ = "redactions.read"
    REDACTIONS_MAKE = "redactions.make"
    TRUST_READ = "trust.read"
    TRUST_MANAGE = "trust.manage"
    METRICS_READ = "metrics.read"
    METRICS_READ_TOTALS = "metrics.read_totals"
    STORAGE_READ = "storage.read"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may: the role that is needed (on the model; None: any identity), and the token's scope.

    A role of admin is the global one, where no model is concerned.
    """

    role: Role | None
    scope: Scope


R, S, P = Role, Scope, Permission

RULES: dict[Permission, Rule] = {
    P.SELF_READ: Rule(None, S.READ),
    P.MODELS_LIST: Rule(None, S.READ),
    P.MODELS_CREATE: Rule(R.CONTRIBUTOR, S.WRITE),
    P.MODELS_READ: Rule(R.READER, S.READ),
    P.MODELS_EDIT: Rule(R.CONTRIBUTOR, S.WRITE),
    P.MODELS_DELETE: Rule(R.MAINTAINER, S.WRITE),
    P.MODELS_RESTORE: Rule(R.MAINTAINER, S.WRITE),
    P.MODELS_PURGE: Rule(R.ADMIN, S.ADMIN),
    P.VERSIONS_CREATE: Rule(R.CONTRIBUTOR, S.WRITE),
    P.VERSIONS_READ: Rule(R.READER, S.READ),
    P.VERSIONS_EDIT: Rule(R.CONTRIBUTOR, S.WRITE),
    P.VERSIONS_DELETE: Rule(R.MAINTAINER, S.WRITE),
    P.VERSIONS_RECALL: Rule(R.MAINTAINER, S.WRITE),
    P.FILES_READ: Rule(R.READER, S.READ),
    P.FILES_WRITE: Rule(R.CONTRIBUTOR, S.WRITE),
    P.STAGES_READ: Rule(R.READER, S.READ),
    P.STAGES_EMPTY: Rule(R.MAINTAINER, S.WRITE),
    P.STAGES_ROLL_BACK: Rule(R.MAINTAINER, S.WRITE),
    P.ALIASES_SET: Rule(R.CONTRIBUTOR, S.WRITE),
    P.ALIASES_SET_PROTECTED: Rule(R.MAINTAINER, S.WRITE),
    P.EVALUATIONS_READ: Rule(R.READER, S.READ),
    P.EVALUATIONS_REPORT: Rule(R.CONTRIBUTOR, S.WRITE),
    P.CHECKS_READ: Rule(R.READER, S.READ),
    P.CHECKS_REPORT: Rule(R.CONTRIBUTOR, S.WRITE),
    P.COMMENTS_READ: Rule(R.READER, S.READ),
    P.COMMENTS_WRITE: Rule(R.CONTRIBUTOR, S.WRITE),
    P.COMMENTS_DELETE_ANY: Rule(R.MAINTAINER, S.WRITE),
    P.POLICY_READ: Rule(None, S.READ),
    # For a version that one may read.
    P.POLICY_PREVIEW: Rule(None, S.READ),
    P.POLICY_ADD: Rule(R.MAINTAINER, S.WRITE),
    # The default policy, and one that stands instead of it.
    P.POLICY_LOOSEN: Rule(R.ADMIN, S.ADMIN),
    P.PROMOTIONS_LIST: Rule(None, S.READ),
    P.PROMOTIONS_READ: Rule(R.READER, S.READ),
    P.PROMOTIONS_REQUEST: Rule(R.CONTRIBUTOR, S.WRITE),
    P.PROMOTIONS_REVIEW: Rule(R.REVIEWER, S.REVIEW),
    P.PROMOTIONS_APPLY: Rule(R.CONTRIBUTOR, S.WRITE),
    P.PROMOTIONS_CANCEL: Rule(R.CONTRIBUTOR, S.WRITE),
    P.PROMOTIONS_OVERRIDE: Rule(R.ADMIN, S.ADMIN),
    P.IDENTITIES_READ: Rule(None, S.READ),
    P.IDENTITIES_MANAGE: Rule(R.ADMIN, S.ADMIN),
    P.GROUPS_READ: Rule(None, S.READ),
    P.GROUPS_MANAGE: Rule(R.ADMIN, S.ADMIN),
    P.GRANTS_READ: Rule(R.ADMIN, S.ADMIN),
    P.GRANTS_MANAGE: Rule(R.ADMIN, S.ADMIN),
    P.TOKENS_READ: Rule(None, S.READ),
    P.TOKENS_ISSUE: Rule(None, S.READ),
    P.TOKENS_REVOKE: Rule(None, S.READ),
    P.EVENTS_READ: Rule(None, S.READ),
    # Both show all of the record.
    P.EVENTS_VERIFY: Rule(R.ADMIN, S.ADMIN),
    P.EVENTS_EXPORT: Rule(R.ADMIN, S.ADMIN),
    P.REDACTIONS_READ: Rule(R.ADMIN, S.ADMIN),
    P.REDACTIONS_MAKE: Rule(R.ADMIN, S.ADMIN),
    P.TRUST_READ: Rule(R.ADMIN, S.ADMIN),
    P.TRUST_MANAGE: Rule(R.ADMIN, S.ADMIN),
    P.METRICS_READ: Rule(None, S.READ),
    # Whoever was granted nothing may as well: see `rules.may_read_totals`.
    P.METRICS_READ_TOTALS: Rule(R.ADMIN, S.ADMIN),
    P.STORAGE_READ: Rule(R.ADMIN, S.ADMIN),
}

# Methods and paths that answer anybody: nothing of a team's work is in what they say. The signed
# links of the local store prove themselves.
PUBLIC = frozenset(
    {
        ("GET", "/"),
        ("GET", "/livez"),
        ("HEAD", "/livez"),
        ("GET", "/readyz"),
        ("HEAD", "/readyz"),
        ("GET", "/version"),
        ("GET", "/docs"),
        ("GET", "/docs/start"),
        ("GET", "/docs/static/{name}"),
        ("GET", "/openapi.json"),
        ("GET", "/problems"),
        ("GET", "/problems/{slug}"),
        ("PUT", "/api/v1/transfer/uploads/{upload_id}/parts/{number}"),
        ("GET", "/api/v1/transfer/blobs/{sha256}"),
        ("HEAD", "/api/v1/transfer/blobs/{sha256}"),
    }
)
