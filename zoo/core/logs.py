"""How log lines look: one line each, JSON for machines or plain for people. Request and run ids ride along."""

from __future__ import annotations

import logging

import structlog

MAX_ID = 64


def request_id() -> str:
    """The id of the web request at hand, at most 64 characters; empty where there is none."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))[:MAX_ID]


def bind(**known: str) -> None:
    """Adds what is known to every line that is logged until the request ends."""
    structlog.contextvars.bind_contextvars(**known)


def formatter(as_json: bool) -> logging.Formatter:
    """The formatter named in settings.LOGGING."""
    renderers: list[structlog.types.Processor]
    if as_json:
        # The renderer leaves a traceback out that is not text yet.
        renderers = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # Plain tracebacks: the pretty ones take seconds, hold up every other request, and print local variables.
        renderers = [
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        ]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
