"""Logs: one JSON object a line, with phone numbers masked and secrets never written."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from app.domain.handset import masked

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
SECRET_NAMES = frozenset({"pin", "link", "token", "password", "secret", "authorization", "text", "key"})
CARD = re.compile(r"\b[0-9]{12,19}\b")
TICKET_LINK = re.compile(r"(/[tb]/)[A-Za-z0-9_-]{16,}")


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask numbers and links in every value, and drop values whose name says that they are secret."""
    return {name: "***" if name in SECRET_NAMES else _clean(value) for name, value in event.items()}


def _clean(value: object) -> object:
    if not isinstance(value, str):
        return value
    clean = NUMBER.sub(lambda match: masked(match[0]), value)
    return TICKET_LINK.sub(r"\1***", CARD.sub("***", clean))


def configure(level: str) -> None:
    """Send our log lines, and those of the libraries we use, to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "uvicorn.access", "uvicorn.error", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
