"""What a gate is told of its snapshot in JSON; the snapshot and its status are octets."""

from __future__ import annotations

from pydantic import Field

from app.schemas.base import Out


class PinKeyOut(Out):
    """The key under which typed numbers and PINs open the rows of one edition."""

    edition: str = Field(description="The edition that it is of, as in the snapshot's header.")
    key: str = Field(description="32 octets in hexadecimal. Keep it in memory, never on a disk.")
