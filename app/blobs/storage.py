"""The blob store of this process."""

from app.blobs.links import Links
from app.blobs.stores.bucket import Bucket, BucketAddress
from app.blobs.stores.interface import BlobStore
from app.blobs.stores.local import LocalStore
from app.blobs.stores.s3 import S3Store
from app.core.settings import Settings

__all__ = ["BlobStore", "open_store"]


def open_store(settings: Settings) -> BlobStore:
    """The store that the settings name. Nothing is touched before its `prepare`."""
    if settings.s3_bucket is not None:
        return S3Store(Bucket(_address(settings.s3_bucket, settings)))
    links = Links(settings.signing_key, settings.base_url)
    return LocalStore(settings.data_dir / "store", links)


def _address(bucket: str, settings: Settings) -> BucketAddress:
    secret = settings.s3_secret_key
    return BucketAddress(
        name=bucket,
        prefix=settings.s3_prefix,
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=None if secret is None else secret.get_secret_value(),
        addressing=settings.s3_addressing,
        checksums=settings.s3_checksums,
        ca_file=settings.s3_ca_file,
    )
