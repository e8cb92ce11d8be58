"""The use cases of files, a file for each verb."""

from app.files.service.finalize import finalize
from app.files.service.register import register

__all__ = ["finalize", "register"]
