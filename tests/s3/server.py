"""An S3 server that the tests may use, whichever it is and whoever started it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

NAMED = "STAGEWARD_TEST_S3_"  # ENDPOINT, ACCESS_KEY, SECRET_KEY, KIND of one that runs already

StoreSettings = Callable[[str], dict[str, str]]  # for a new empty store, "local" or "s3"


@dataclass(frozen=True)
class S3Server:
    """Where it is and how to sign for it. `kind` is "swift", "ceph" or "unknown".

    A server that outlives the tests is `lasting`: what they made there is removed at the end.
    """

    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    kind: str = "unknown"
    lasting: bool = False
    _buckets: list[str] = field(default_factory=list, repr=False)

    @classmethod
    def named(cls) -> "S3Server | None":
        """The one that the environment names, if it names one."""
        said = {k.removeprefix(NAMED): v for k, v in os.environ.items() if k.startswith(NAMED)}
        if "ENDPOINT" not in said:
            return None
        return cls(
            said["ENDPOINT"],
            said["ACCESS_KEY"],
            said["SECRET_KEY"],
            kind=said.get("KIND", "unknown"),
            lasting=True,
        )

    @cached_property
    def client(self) -> Any:
        """A client of boto3's, past the application: what another program of the operator's
        would use."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                max_pool_connections=32,
            ),
        )

    def new_bucket(self) -> str:
        """The name of a bucket that nobody else has, and that is empty."""
        name = f"stageward-{uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        self._buckets.append(name)
        return name

    def settings(self, bucket: str) -> dict[str, str]:
        """What makes the service keep its blobs in this bucket."""
        return {
            "s3_bucket": bucket,
            "s3_endpoint": self.endpoint,
            "s3_region": self.region,
            "s3_access_key": self.access_key,
            "s3_secret_key": self.secret_key,
        }

    def close(self) -> None:
        """Let go of the connections, and leave a lasting server as it was."""
        if self.lasting:
            for name in self._buckets:
                self._remove(name)
        if "client" in self.__dict__:
            self.client.close()

    def _remove(self, bucket: str) -> None:
        for page in self.client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for found in page.get("Uploads", ()):
                self.client.abort_multipart_upload(
                    Bucket=bucket, Key=found["Key"], UploadId=found["UploadId"]
                )
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page.get("Contents", ()):
                self.client.delete_object(Bucket=bucket, Key=found["Key"])
        self.client.delete_bucket(Bucket=bucket)
