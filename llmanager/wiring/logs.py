"""Logs: one JSON object a line on stderr, or colours where a person watches. Never bodies, headers or keys."""

import logging
import sys

import structlog
from structlog.processors import ExceptionRenderer, JSONRenderer
from structlog.tracebacks import ExceptionDictTransformer


def configure(level: str) -> None:
    for_people = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # No local variables of a failure's frames, which is what both renderers would show by themselves.
            *(
                [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
                if for_people
                else [ExceptionRenderer(ExceptionDictTransformer(show_locals=False)), JSONRenderer()]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)  # libraries
    # Its warnings are about what clients send, a line for each, with advice to install what this server refuses.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
