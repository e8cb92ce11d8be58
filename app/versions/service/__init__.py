"""The use cases of versions, a file for each verb."""

from app.versions.queries import VersionView
from app.versions.rules import only
from app.versions.service.batch import of_ids, resolve_many
from app.versions.service.create import create
from app.versions.service.delete import delete_model, delete_version
from app.versions.service.drafts import (
    check_draft,
    lock_draft,
    lock_ready,
    lock_version,
    make_ready,
    wrote,
)
from app.versions.service.edit import edit
from app.versions.service.fresh import as_registered
from app.versions.service.lists import show_model, show_models
from app.versions.service.recall import lift_recall, recall
from app.versions.service.registering import Draft, Registrar, Told, drafted
from app.versions.service.show import as_output, resolved, show, tag_of
from app.versions.service.verify import begin_verifying, make_failed, reopen, tell_progress

__all__ = [
    "Draft",
    "Registrar",
    "Told",
    "VersionView",
    "as_output",
    "as_registered",
    "begin_verifying",
    "check_draft",
    "create",
    "delete_model",
    "delete_version",
    "drafted",
    "edit",
    "lift_recall",
    "lock_draft",
    "lock_ready",
    "lock_version",
    "make_failed",
    "make_ready",
    "of_ids",
    "only",
    "recall",
    "reopen",
    "resolve_many",
    "resolved",
    "show",
    "show_model",
    "show_models",
    "tag_of",
    "tell_progress",
    "wrote",
]
