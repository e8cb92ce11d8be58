"""Pages of models and versions."""

from app.search.service.models import list_models
from app.search.service.versions import Asked, list_everywhere, list_versions

__all__ = ["Asked", "list_everywhere", "list_models", "list_versions"]
