"""Once: a request that creates something is carried out once per Idempotency-Key, however often it is sent.

The stored answer is sealed with the key itself, which only the caller has: a stolen database opens no booking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.domain.refusals import KeyBusy, KeyReused
from app.store import idempotency
from app.store.idempotency import Answer, Busy, Claim, Fresh, Other, Stored
from app.world import World

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer; what says nothing about the request itself is raised instead, and not kept."""

    status: int
    body: bytes
    media_type: str
    replayed: bool = False


async def once(world: World, *, scope: str, key: str, request: bytes, work: Callable[[], Awaitable[Reply]]) -> Reply:
    """Do `work` unless this key has its answer already; raises KeyReused or KeyBusy."""
    name = hashlib.sha256(key.encode()).hexdigest()
    claim = Claim(scope, name, hashlib.sha256(request).digest(), world.clock.now(), world.house.silent_seconds)
    match await world.database.together(idempotency.begin, claim, atomic=False):
        case Stored(status, body, media_type):
            return Reply(status, _open(body, key, name), media_type, replayed=True)
        case Busy():
            raise KeyBusy("The first request with this Idempotency-Key is still being worked on. Ask again shortly.")
        case Other():
            raise KeyReused("This Idempotency-Key was used for another request. Use a fresh one.")
        case Fresh():
            pass
    try:
        reply = await work()
    except BaseException:
        await world.database.together(idempotency.finish, Answer(scope, name, None), atomic=False)
        raise
    sealed = _seal(reply.body, key, name, world.entropy.bytes(NONCE_BYTES))
    answer = Answer(scope, name, reply.status, sealed, reply.media_type)
    await world.database.together(idempotency.finish, answer, atomic=False)
    return reply


def _cipher(key: str) -> AESGCM:
    return AESGCM(hashlib.sha256(b"cyberticket/idempotency/" + key.encode()).digest())


def _seal(body: bytes, key: str, name: str, nonce: bytes) -> bytes:
    return nonce + _cipher(key).encrypt(nonce, body, name.encode())


def _open(sealed: bytes, key: str, name: str) -> bytes:
    return _cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
