"""Looking at the settings: what means nothing, and what is easily forgotten."""

import os

from app.core.settings import Settings
from app.doctor.findings import Findings

OWN = ("127.0.0.1", "localhost", "::1")


def look_at_settings(settings: Settings, found: Findings) -> None:
    """Say what of them means nothing, and what clients and waiters may miss."""
    known = {f"STAGEWARD_{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(n for n in os.environ if n.startswith("STAGEWARD_") and n not in known)
    if unknown:
        found.bad(f"Settings: {', '.join(unknown)} mean nothing here; see docs/settings.md.")
    else:
        found.good("Settings: each has a meaning and an allowed value.")
    _links(settings, found)
    if not settings.embedded and settings.listen_url is None:
        found.note(
            "Whoever waits looks once a second. Set STAGEWARD_LISTEN_URL to an address that "
            "reaches PostgreSQL without a pooler, and they are woken instead."
        )


def _links(settings: Settings, found: Findings) -> None:
    """Where signed links lead: to the bucket where there is one, else to this service."""
    if settings.s3_bucket is not None:
        if settings.s3_public_endpoint is None and settings.s3_endpoint is not None:
            found.note(
                f"Links that the server signs begin with {settings.s3_endpoint}. Where clients "
                "reach S3 at another address, set STAGEWARD_S3_PUBLIC_ENDPOINT to that."
            )
    elif settings.public_url is None and settings.host not in OWN:
        found.note(
            f"Links that the server signs begin with {settings.base_url}. Set "
            "STAGEWARD_PUBLIC_URL to the address that clients use."
        )
