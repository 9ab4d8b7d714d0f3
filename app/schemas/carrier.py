"""What the carrier posts beside receipts."""

from __future__ import annotations

from pydantic import AwareDatetime, Field, field_validator

from app.schemas.base import In, storable


class MessageIn(In):
    """A text message from a handset, put together where it came in parts."""

    model_config = In.model_config | {"extra": "ignore", "str_strip_whitespace": False}

    message_id: str = Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")
    sender: str = Field(
        alias="from", min_length=1, max_length=24, description="A number, or a name: these get no answer."
    )
    to: str = Field(min_length=1, max_length=24)
    text: str = Field(max_length=40_000, description="Any text at all; no more than its beginning is read.")
    at: AwareDatetime

    @field_validator("message_id", "sender", "to")
    @classmethod
    def _storable(cls, value: object) -> object:
        """The text is kept sealed, so that a NUL in it harms nothing, and is answered like other nonsense."""
        if isinstance(value, str):
            storable(value)
        return value
