"""The JSON of a `VersionOutput`, written from the row: pages and polls are most of what is asked.

The values are those that `VersionOutput` gives (a property test holds it), the keys stand in its
order. What is JSON in the row goes into the answer as text wherever its form is not ours to see to.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from app.core.actor import Actor
from app.core.canonical import MAX_SAFE_INTEGER
from app.core.schemas import Output
from app.stages.rules import NO_STAGE
from app.versions import shown
from app.versions.queries import VersionView
from app.versions.rules import etag_of, is_stored
from app.versions.schemas.outputs import (
    CodeOutput,
    DatasetOutput,
    EnvironmentOutput,
    FailureOutput,
    PreprocessingOutput,
    RecalledOutput,
    RedactedOutput,
    RunOutput,
    SignatureOutput,
)
from app.versions.shown import Shown

JSON = "application/json"
LONG_NUMBER = re.compile(r"\d{16}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """The JSON of one revision of a version: all that is the same for everybody, and in its middle
    the parents, each with the model that an actor must see to be shown it."""

    id: UUID
    revision: int
    number: int
    is_recalled: bool
    tag: str
    head: bytes
    parents: tuple[tuple[str, bytes], ...]
    tail: bytes

    @property
    def size(self) -> int:
        """How many bytes it takes, roughly."""
        return len(self.head) + len(self.tail) + 500 + 300 * len(self.parents)

    def body(self, actor: Actor) -> bytes:
        """The answer for this actor: without parents in models that are hidden from them."""
        if not self.parents:
            return self.head + self.tail
        seen = [text for model, text in self.parents if actor.role_on(model) is not None]
        return self.head + b",".join(seen) + self.tail


def render(view: VersionView, actor: Actor) -> bytes:
    """The answer for a version that was read as a row to work with."""
    return rendered(shown.from_view(view)).body(actor)


def render_page(found: Sequence[Rendered], actor: Actor, next_cursor: str | None) -> bytes:
    """A page of versions."""
    items = b",".join([each.body(actor) for each in found])
    cursor = b"null" if next_cursor is None else encode_basestring(next_cursor).encode()
    return b'{"items":[%b],"next_cursor":%b}' % (items, cursor)


def rendered(row: Shown) -> Rendered:
    """A version's JSON."""
    parents = tuple(
        (each["model"], to_json({"model": each["model"], "version": each["version"]}))
        for each in from_json(row.parents or "[]")
    )
    recalled = _whole(RecalledOutput, row.recalled)
    head = _head(row).encode()
    tail = _tail(row, recalled).encode()
    return Rendered(
        row.id,
        row.revision,
        row.number,
        recalled != "null",
        etag_of(row.id, row.revision),
        head,
        parents,
        tail,
    )


def _head(row: Shown) -> str:
    return (
        f'{{"model":{encode_basestring(row.model)}'
        f',"number":{row.number}'
        f',"name":{_string(row.name)}'
        f',"status":"{row.status}"'
        f',"failure":{_whole(FailureOutput, row.failure)}'
        f',"bytes_verified":{_number(row.bytes_verified)}'
        f',"bytes_to_verify":{_number(row.bytes_to_verify)}'
        f',"stage":"{row.stage or NO_STAGE}"'
        f',"aliases":{_strings(row.aliases)}'
        f',"description":{encode_basestring(row.description)}'
        f',"tags":{row.tags}'
        f',"params":{_open(row.params)}'
        f',"metrics":{_metrics(row.metrics)}'
        f',"code":{_code(row.code)}'
        f',"datasets":{_datasets(row.datasets)}'
        f',"preprocessing":{_preprocessing(row.preprocessing)}'
        f',"environment":{_environment(row.environment)}'
        f',"seed":{_number(row.seed)}'
        f',"signature":{_signature(row.signature)}'
        ',"parents":['
    )


def _tail(row: Shown, recalled: str) -> str:
    stored = is_stored(row.status, row.files_count, row.source)
    return (
        f'],"run":{_run(row.run)}'
        f',"source":{_string(row.source)}'
        f',"files_count":{row.files_count}'
        f',"size":{row.size}'
        f',"manifest_sha256":{_string(row.manifest_sha256)}'
        f',"recipe_sha256":{_string(row.recipe_sha256)}'
        f',"stored":{_boolean(stored)}'
        f',"recalled":{recalled}'
        f',"redacted":{_whole(RedactedOutput, row.redacted)}'
        f',"overridden":{_boolean(row.overridden)}'
        f',"authors":{_strings(row.authors)}'
        f',"created_by":{encode_basestring(row.created_by)}'
        f',"created_at":"{row.created_at}"'
        f',"updated_at":"{row.updated_at}"'
        f',"ready_at":{_string(row.ready_at)}}}'
    )


def _string(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _strings(values: list[str] | None) -> str:
    return f"[{','.join(map(encode_basestring, values))}]" if values else "[]"


def _whole(output: type[Output], text: str | None) -> str:
    """What few versions have, as its class writes it."""
    if text is None or text == "null":
        return "null"
    return output.model_validate(from_json(text)).model_dump_json()


def _open(text: str) -> str:
    """JSON of any shape, its numbers as they were sent: PostgreSQL writes 1e21 with all its zeros,
    and whole numbers beyond 2^53 are no numbers that this API takes."""
    if LONG_NUMBER.search(text) is None:
        return text
    return to_json(_rounded(from_json(text))).decode()


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        return float(value)
    return value


def _metrics(text: str) -> str:
    if text == "{}":
        return text
    return to_json({key: float(value) for key, value in from_json(text).items()}).decode()


def _shaped(output: type[Output]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Puts an object into the form of an answer: its keys in order, and what older rows lack."""
    fields = output.model_fields.items()
    needed = tuple(name for name, field in fields if field.is_required())
    usual = {
        name: None if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in fields
    }

    def shape(found: dict[str, Any]) -> dict[str, Any]:
        for name in needed:
            found[name]  # what every row has; a row that lacks it is broken
        return {name: found.get(name, default) for name, default in usual.items()}

    return shape


def _object(output: type[Output]) -> Callable[[str | None], str]:
    shape = _shaped(output)

    def write(text: str | None) -> str:
        if text is None or text == "null":
            return "null"
        return _open(to_json(shape(from_json(text))).decode())

    return write


def _list(output: type[Output]) -> Callable[[str], str]:
    shape = _shaped(output)

    def write(text: str) -> str:
        return text if text == "[]" else to_json([shape(each) for each in from_json(text)]).decode()

    return write


_code = _object(CodeOutput)
_environment = _object(EnvironmentOutput)
_signature = _object(SignatureOutput)
_run = _object(RunOutput)
_datasets = _list(DatasetOutput)
_preprocessing = _list(PreprocessingOutput)
