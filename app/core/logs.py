"""Structured logs: one event a line, to standard error, as JSON or for a console."""

import logging
import sys
from typing import Any

import structlog

from app.core.masking import masked
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _without_credentials(_: Any, __: str, line: Any) -> str:
    """What is written of a line: whoever reads logs must not come by a token that somebody sent in
    a path or that an exception quotes."""
    return masked(str(line))
