"""What the outbox carries."""

from __future__ import annotations

from enum import StrEnum


class Topic(StrEnum):
    """Each has exactly one handler in the worker."""

    DELIVER = "deliver"
    REGISTER = "register"
    REVOKE = "revoke"
    RELEASE = "release"
    CONVERSE = "converse"
    REFUND = "refund"
    SUSPEND = "suspend"
    NEWS = "news"
    DISPUTE = "dispute"
    BIND = "bind"
    REPLACE = "replace"
