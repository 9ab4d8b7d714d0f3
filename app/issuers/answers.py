"""Reading what another server answers: as it is on the wire, and never more of it than was agreed."""

from __future__ import annotations

import httpx

AS_IT_IS = {"Accept-Encoding": "identity"}
"""What every request says: a packed answer could be a thousand times larger than the octets that came."""


class Unfit(Exception):
    """The answer is not read any further; the message says why, for the log."""


async def read(response: httpx.Response, *, bytes_max: int) -> bytes:
    """The body of a response that is being streamed; raises Unfit, httpx.HTTPError."""
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Unfit("its answer is packed, which nobody asked for")
    octets = bytearray()
    async for piece in response.aiter_bytes():
        octets += piece
        if len(octets) > bytes_max:
            raise Unfit(f"its answer has more than {bytes_max} bytes")
    return bytes(octets)
