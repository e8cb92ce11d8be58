"""The blob store of this process."""

from app.blobs.links import Links
from app.blobs.stores.interface import BlobStore
from app.blobs.stores.local import LocalStore
from app.core.settings import Settings

__all__ = ["BlobStore", "open_store"]


def open_store(settings: Settings) -> BlobStore:
    """The store that the settings name. Nothing is touched before its `prepare`."""
    if settings.s3_bucket is not None:
        raise ValueError(
            "STAGEWARD_S3_BUCKET is set, but this build keeps blobs in a directory only. Unset it."
        )
    links = Links(settings.signing_key, settings.base_url)
    return LocalStore(settings.data_dir / "store", links)
