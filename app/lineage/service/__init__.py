"""The use cases of lineage, a file for each."""

from app.lineage.service.datasets import list_datasets, list_users
from app.lineage.service.graph import lineage
from app.lineage.service.impact import impact

__all__ = ["impact", "lineage", "list_datasets", "list_users"]
