"""What goes wrong with an S3 store, in this service's words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from app.blobs.stores import s3_rules as rules
from app.blobs.stores.disk import away, no_room
from app.core.problems import Unavailable

QUERY = re.compile(r"\?\S*")
log = structlog.get_logger()


class NotThere(Exception):
    """The store has no such object or upload."""


class Changed(Exception):
    """The bytes in the store are not those that were meant."""


class Refused(Unavailable):
    """The store answered that it will not do this, for a reason that nobody here foresees."""


@contextmanager
def told(doing: str, *, missing: Exception | None = None) -> Iterator[None]:
    """Say what went wrong in this service's words; what only the operator can mend is logged."""
    try:
        yield
    except ClientError as error:
        code, status = code_and_status(error)
        if missing is not None and status == 404:
            log.error("blob_store_fault", step=doing, reason=str(missing))
            raise missing from error
        if rules.is_missing(code, status):
            raise NotThere(doing) from error
        if rules.is_changed(code, status):
            raise Changed(doing) from error
        log.error("blob_store_fault", step=doing, reason=f"{status} {code}")
        raise _unavailable(code, status) from error
    except (BotoCoreError, HTTPError, OSError, ValueError) as error:
        log.error("blob_store_fault", step=doing, reason=unsigned(str(error)))
        raise away(rules.CANNOT_REACH) from error


def unsigned(text: str) -> str:
    """The same without what follows a question mark: a link's query is a right to use it."""
    return QUERY.sub("?…", text)


def _unavailable(code: str, status: int) -> Unavailable:
    if status == 507 or code in rules.FULL:
        return no_room()
    problem = away(rules.reason(code, status))
    if rules.is_final(code, status):
        return Refused(problem.detail, retry_after=problem.retry_after)
    return problem


def code_and_status(error: ClientError) -> tuple[str, int]:
    """What the store answered: its word for it, and the status."""
    response: Any = error.response
    code = str(response.get("Error", {}).get("Code", ""))
    return code, int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
