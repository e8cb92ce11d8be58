"""The use cases of the record: sealing it, verifying it, and handing it out."""

from app.seals.service.checkpoints import page, public_keys
from app.seals.service.export import export
from app.seals.service.seal import Sealer, waiting_since
from app.seals.service.verify import kept, starting_point, verify

__all__ = [
    "Sealer",
    "export",
    "kept",
    "page",
    "public_keys",
    "starting_point",
    "verify",
    "waiting_since",
]
