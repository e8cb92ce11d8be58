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
    VERSIONS_RESOLVE = "versions.resolve"
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
    DATASETS_READ = "datasets.read"
    SERIES_READ = "series.read"
    SERIES_REPORT = "series.report"
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
    TOKENS_ROTATE = "tokens.rotate"
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

    A role of admin is the global one, where no model is concerned. `what` says in one line what
    the permission is for; `docs/permissions.md` is made of these.
    """

    role: Role | None
    scope: Scope
    what: str


R, S, P = Role, Scope, Permission

RULES: dict[Permission, Rule] = {
    P.SELF_READ: Rule(
        None, S.READ, "See who you are: your groups, your grants, and what your token may do."
    ),
    P.MODELS_LIST: Rule(
        None, S.READ, "List models and search versions, of the models that you can see."
    ),
    P.MODELS_CREATE: Rule(R.CONTRIBUTOR, S.WRITE, "Make a model, of a name that a grant covers."),
    P.MODELS_READ: Rule(R.READER, S.READ, "See a model."),
    P.MODELS_EDIT: Rule(
        R.CONTRIBUTOR, S.WRITE, "Change a model's description, tags and naming convention."
    ),
    P.MODELS_DELETE: Rule(
        R.MAINTAINER, S.WRITE, "Delete a model: it is hidden and can be restored."
    ),
    P.MODELS_RESTORE: Rule(R.MAINTAINER, S.WRITE, "Bring a deleted model back."),
    P.MODELS_PURGE: Rule(
        R.ADMIN, S.ADMIN, "Free a deleted model's bytes for good (`?purge=true`)."
    ),
    P.VERSIONS_CREATE: Rule(R.CONTRIBUTOR, S.WRITE, "Register a version."),
    P.VERSIONS_READ: Rule(R.READER, S.READ, "See a model's versions with their whole recipe."),
    P.VERSIONS_RESOLVE: Rule(
        None, S.READ, "Ask what many references mean, of the models that you can see."
    ),
    P.VERSIONS_EDIT: Rule(
        R.CONTRIBUTOR, S.WRITE, "Change a draft, or the description and tags of a ready version."
    ),
    P.VERSIONS_DELETE: Rule(R.MAINTAINER, S.WRITE, "Delete a version that nothing holds."),
    P.VERSIONS_RECALL: Rule(
        R.MAINTAINER, S.WRITE, "Mark a version as not to be used, and lift that."
    ),
    P.FILES_READ: Rule(R.READER, S.READ, "List and download a version's files."),
    P.FILES_WRITE: Rule(
        R.CONTRIBUTOR, S.WRITE, "Send files into a draft, take them out, and make it ready."
    ),
    P.STAGES_READ: Rule(R.READER, S.READ, "See who holds or held which stage, and the aliases."),
    P.STAGES_EMPTY: Rule(
        R.MAINTAINER, S.WRITE, "Take the holder out of an exclusive stage without a successor."
    ),
    P.STAGES_ROLL_BACK: Rule(R.MAINTAINER, S.WRITE, "Return a stage to an earlier holder."),
    P.ALIASES_SET: Rule(R.CONTRIBUTOR, S.WRITE, "Set and remove aliases."),
    P.ALIASES_SET_PROTECTED: Rule(
        R.MAINTAINER, S.WRITE, "The same for aliases that the policy protects."
    ),
    P.EVALUATIONS_READ: Rule(R.READER, S.READ, "See how a version did on data."),
    P.EVALUATIONS_REPORT: Rule(R.CONTRIBUTOR, S.WRITE, "Report how a version did on data."),
    P.DATASETS_READ: Rule(
        None, S.READ, "See which data sets were used, by versions of the models that you can see."
    ),
    P.SERIES_READ: Rule(R.READER, S.READ, "See learning curves, and the trend of a metric."),
    P.SERIES_REPORT: Rule(R.CONTRIBUTOR, S.WRITE, "Add points to a version's learning curves."),
    P.CHECKS_READ: Rule(R.READER, S.READ, "See the verdicts of machines on a version."),
    P.CHECKS_REPORT: Rule(R.CONTRIBUTOR, S.WRITE, "Report a machine's verdict on a version."),
    P.COMMENTS_READ: Rule(R.READER, S.READ, "Read what people say about versions and promotions."),
    P.COMMENTS_WRITE: Rule(
        R.CONTRIBUTOR, S.WRITE, "Comment; edit and delete comments of your own."
    ),
    P.COMMENTS_DELETE_ANY: Rule(R.MAINTAINER, S.WRITE, "Delete the comments of others."),
    P.POLICY_READ: Rule(
        None, S.READ, "See the default policy, and those of the models that you can see."
    ),
    # For a version that one may read.
    P.POLICY_PREVIEW: Rule(
        None, S.READ, "Ask what a policy would say of a version that you can see."
    ),
    P.POLICY_ADD: Rule(
        R.MAINTAINER, S.WRITE, "Set and remove a model's own policy, which adds to the default."
    ),
    # The default policy, and one that stands instead of it.
    P.POLICY_LOOSEN: Rule(
        R.ADMIN, S.ADMIN, "Set the default policy, or one that stands instead of it."
    ),
    P.PROMOTIONS_LIST: Rule(None, S.READ, "List the promotions of the models that you can see."),
    P.PROMOTIONS_READ: Rule(R.READER, S.READ, "See a promotion, and wait for it to change."),
    P.PROMOTIONS_REQUEST: Rule(R.CONTRIBUTOR, S.WRITE, "Ask for a version to move to a stage."),
    P.PROMOTIONS_REVIEW: Rule(
        R.REVIEWER, S.REVIEW, "Approve or reject a promotion, or comment on it as a reviewer."
    ),
    P.PROMOTIONS_APPLY: Rule(R.CONTRIBUTOR, S.WRITE, "Apply an approved promotion."),
    P.PROMOTIONS_CANCEL: Rule(
        R.CONTRIBUTOR, S.WRITE, "Cancel a promotion: your own or, as a maintainer, any."
    ),
    P.PROMOTIONS_OVERRIDE: Rule(
        R.ADMIN, S.ADMIN, "Apply a promotion in spite of its policy, flagged for ever."
    ),
    P.IDENTITIES_READ: Rule(None, S.READ, "See people and service accounts."),
    P.IDENTITIES_MANAGE: Rule(
        R.ADMIN, S.ADMIN, "Add, change and disable people and service accounts."
    ),
    P.GROUPS_READ: Rule(None, S.READ, "See groups and their members."),
    P.GROUPS_MANAGE: Rule(
        R.ADMIN, S.ADMIN, "Make, change and delete groups, and say who is in them."
    ),
    P.GRANTS_READ: Rule(R.ADMIN, S.ADMIN, "See who was granted which role on which models."),
    P.GRANTS_MANAGE: Rule(R.ADMIN, S.ADMIN, "Give roles and take them away."),
    P.TOKENS_READ: Rule(
        None, S.READ, "See your tokens and those of your service accounts; an admin sees all."
    ),
    P.TOKENS_ISSUE: Rule(
        None,
        S.READ,
        "Issue a token that may do no more than the one you use: for yourself, for a service "
        "account of yours or, as an admin, for anybody.",
    ),
    P.TOKENS_ROTATE: Rule(
        None,
        S.READ,
        "Replace a token, yours or of a service account of yours, by one that may do the same; an "
        "admin replaces any.",
    ),
    P.TOKENS_REVOKE: Rule(
        None, S.READ, "End a token of yours or of a service account of yours; an admin ends any."
    ),
    P.EVENTS_READ: Rule(
        None,
        S.READ,
        "Follow the record: the events of the models that you can see and, of the rest, your "
        "own; an admin sees all.",
    ),
    # Both show all of the record.
    P.EVENTS_VERIFY: Rule(R.ADMIN, S.ADMIN, "Have the whole record checked against its seals."),
    P.EVENTS_EXPORT: Rule(R.ADMIN, S.ADMIN, "Take the whole record out, to check it elsewhere."),
    P.REDACTIONS_READ: Rule(
        R.ADMIN, S.ADMIN, "See what was removed from the record, by whom and why."
    ),
    P.REDACTIONS_MAKE: Rule(
        R.ADMIN, S.ADMIN, "Remove a secret from the record and from all that quotes it."
    ),
    P.TRUST_READ: Rule(
        R.ADMIN, S.ADMIN, "See which tokens of which issuer stand for which service account."
    ),
    P.TRUST_MANAGE: Rule(
        R.ADMIN, S.ADMIN, "Tie the tokens of an issuer to a service account, and untie them."
    ),
    P.METRICS_READ: Rule(None, S.READ, "Scrape the metrics of a process."),
    # Whoever was granted nothing may as well: see `rules.may_read_totals`.
    P.METRICS_READ_TOTALS: Rule(
        R.ADMIN,
        S.ADMIN,
        "In the metrics, also read what all blobs come to; whoever was granted nothing at all may "
        "as well, as the account of a Prometheus.",
    ),
    P.STORAGE_READ: Rule(
        R.ADMIN, S.ADMIN, "See what the blobs take, and what storing equal bytes once saves."
    ),
}

# Methods and paths that answer anybody: nothing of a team's work is in what they say. The signed
# links of the local store prove themselves, and sign-in is how one comes by a token.
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
        ("GET", "/docs/signed-in"),
        ("GET", "/docs/static/{name}"),
        ("GET", "/openapi.json"),
        ("GET", "/problems"),
        ("GET", "/problems/{slug}"),
        ("POST", "/api/v1/auth/exchange"),
        ("GET", "/api/v1/auth/authorize"),
        ("GET", "/api/v1/auth/callback"),
        ("POST", "/api/v1/auth/token"),
        ("PUT", "/api/v1/transfer/uploads/{upload_id}/parts/{number}"),
        ("GET", "/api/v1/transfer/blobs/{sha256}"),
        ("HEAD", "/api/v1/transfer/blobs/{sha256}"),
    }
)
