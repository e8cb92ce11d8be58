"""The use cases of trusts, a file for each."""

from app.trust.service.exchanging import exchange
from app.trust.service.keeping import change, create, get, page, remove
from app.trust.service.trying import attempt

__all__ = ["attempt", "change", "create", "exchange", "get", "page", "remove"]
