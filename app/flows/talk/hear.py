"""Hearing a network that stays connected: its receipts, and messages from handsets, long ones part by part.

A network forgets what it has told once we answer; so every part is on the disk before that, and the last one becomes
the whole message in the same transaction.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from app.flows.delivery import deliver
from app.flows.talk import converse
from app.metrics import RECEIPTS
from app.ports import Place, Read, Spoken
from app.store import conversations
from app.store.conversations import NewPart
from app.world import World

TOTAL_MAX = 20
"""Of how many parts a message may be; of a longer one the parts are taken and dropped."""
REPEAT_SECONDS = 60
"""SMPP names no message of a handset. The same words from the same handset within such a stretch are one message,
told twice because our answer was lost; nothing that can be asked by message means more when it is said twice."""
PARTS_KEPT = timedelta(days=1)


class Ears:
    """Hears for the house (the port `Inbound`)."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def receipt(self, *, line: str, message_id: str, state: str, at: datetime | None) -> None:
        moment = at or self._world.clock.now()
        new = await deliver.receive(self._world, channel=line, message_id=message_id, state=state, at=moment)
        RECEIPTS.labels("yes" if new else "no").inc()

    async def message(self, spoken: Spoken, read: Read) -> None:
        world, now = self._world, self._world.clock.now()
        if spoken.place is None:
            await converse.receive(
                world,
                channel=spoken.line,
                message_id=_name(spoken, [spoken.octets], now),
                sender=spoken.sender,
                to=spoken.to,
                text=read([(spoken.data_coding, spoken.octets)]),
                at=now,
            )
        elif spoken.place.total <= TOTAL_MAX and _fits(spoken):
            await _part(world, spoken, spoken.place, read)


async def _part(world: World, spoken: Spoken, place: Place, read: Read) -> None:
    """Keep one part; with the last one, the whole message."""
    now, kid = world.clock.now(), world.house.keys.kid
    handset = await converse.welcome(world, channel=spoken.line, sender=spoken.sender, to=spoken.to)
    if handset is None:
        return
    name = _part_name(spoken, place.sequence)
    part = NewPart(
        channel=spoken.line,
        sender=spoken.sender,
        recipient=spoken.to,
        reference=place.reference,
        total=place.total,
        sequence=place.sequence,
        data_coding=spoken.data_coding,
        digest=hmac.digest(world.house.keys.link_mac(kid)(b"cyberticket/part"), spoken.octets, "sha256"),
        sealed=converse.seal(world, spoken.octets, kid, name),
        kid=kid,
        received_at=now,
    )
    async with world.transaction() as tx:
        rows = await conversations.keep_part(tx, part)
        if rows is None:
            return
        parts = [
            (row.data_coding, converse.unseal(world, row.sealed, row.kid, _part_name(spoken, row.sequence)))
            for row in rows
        ]
        await converse.keep(
            tx,
            world,
            channel=spoken.line,
            message_id=_name(spoken, [octets for _, octets in parts], now),
            handset=handset,
            text=read(parts),
            at=now,
        )
    await world.memory.wake()


def _fits(spoken: Spoken) -> bool:
    """Whether the addresses are such as a person or a short code has."""
    return (
        0 < len(spoken.sender) <= conversations.ADDRESS_CHARS_MAX and len(spoken.to) <= conversations.ADDRESS_CHARS_MAX
    )


def _part_name(spoken: Spoken, sequence: int) -> bytes:
    place = spoken.place
    assert place is not None
    return "\0".join(
        (spoken.line, spoken.sender, spoken.to, str(place.reference), str(place.total), str(sequence))
    ).encode()


def _name(spoken: Spoken, octets: list[bytes], now: datetime) -> str:
    """What a repeated message has in common with its first telling."""
    stretch = spoken.reference or f"{int(now.timestamp()) // REPEAT_SECONDS}"
    place = f"{spoken.place.reference}" if spoken.place else ""
    digest = hashlib.sha256(repr((spoken.sender, spoken.to, place, stretch)).encode())
    for one in octets:
        digest.update(len(one).to_bytes(4, "big") + one)
    return digest.hexdigest()
