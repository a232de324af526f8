"""How the product logs: events with key-values, JSON for machines, colours for a terminal."""

from __future__ import annotations

import logging
import sys

import structlog

OUR_LOGGERS = ("crm", "scheduler", "voicecore")


def configure_logging(level: str, *, pretty: bool) -> None:
    """Set up structlog and the standard library's loggers; call once, at the start.

    `level` is a name such as "INFO"; `pretty` is for a person at a terminal.

    Raises:
        ValueError: `level` is no level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError("LOG_LEVEL is not a level")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if pretty
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[shared[0], shared[1], *shared[3:], renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING) if number > logging.DEBUG else number)
    for ours in OUR_LOGGERS:
        logging.getLogger(ours).setLevel(number)
