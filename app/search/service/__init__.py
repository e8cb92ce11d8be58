"""Pages of models and versions."""

from app.search.service.models import list_models

__all__ = ["list_models"]
