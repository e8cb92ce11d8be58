"""Structured logs: one event a line, to standard error, as JSON or for a console."""

import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii
from typing import Any

import structlog

from app.core.masking import masked, may_hold_credential
from app.core.settings import Settings


def configure(settings: Settings) -> None:
    """Set up structlog for this process, and send the libraries' own logs the same way."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = settings.log_format == "json"
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # a traceback with local variables would show headers and bodies
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    written: list[structlog.typing.Processor] = [renderer, _without_credentials]
    tail = [structlog.processors.format_exc_info, *written] if as_json else written
    structlog.configure(
        processors=[*shared, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
    )
    _fast.lines = as_json and level <= logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def request(
    method: str, path: str, status: int, ms: float, actor: str | None, request_id: str
) -> None:
    """The line of a request that was answered, in `ms` milliseconds. There is one for each, so that
    as JSON it is written without what structlog does for lines of any kind."""
    if not _fast.lines:
        _log.info("request", method=method, path=path, status=status, ms=ms, actor=actor)
        return
    now = datetime.now(UTC).isoformat(timespec="microseconds")[:-6]
    line = (
        f'{{"request_id": {_quoted(request_id)}, "method": {_quoted(method)}, '
        f'"path": {_quoted(path)}, "status": {status}, "ms": {ms}, '
        f'"actor": {"null" if actor is None else _quoted(actor)}, '
        f'"event": "request", "level": "info", "timestamp": "{now}Z"}}\n'
    )
    sys.stderr.write(masked(line) if may_hold_credential(line) else line)


@dataclass(slots=True)
class _Fast:
    """Whether requests are logged as JSON, which is set up but once a process."""

    lines: bool = False


_fast = _Fast()
_quoted = encode_basestring_ascii
_log = structlog.get_logger("stageward.access")


def _without_credentials(_: Any, __: str, line: Any) -> str:
    """What is written of a line: whoever reads logs must not come by a token that somebody sent in
    a path or that an exception quotes."""
    return masked(str(line))
