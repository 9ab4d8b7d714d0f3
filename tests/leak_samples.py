"""Texts that hold one secret each, and texts that only look as if they did."""

from __future__ import annotations

from app.domain.leaks import Leak

SECRETS = {
    "sent to +821012345678 at last": Leak.PHONE,
    "call 010-1234-5678": Leak.PHONE,
    "01012345678 does not answer": Leak.PHONE,
    "card 4242424242424242 was refused": Leak.CARD,
    "card 4242 4242 4242 4242": Leak.CARD,
    "5555-5555-5555-4444": Leak.CARD,
    "3782 822463 10005": Leak.CARD,
    "Mir 2201382000000013": Leak.CARD,
    "PIN 491027": Leak.PIN,
    '{"pin": "491027"}': Leak.PIN,
    "비밀번호: 491027": Leak.PIN,
    "482910375-1 491027": Leak.PIN,
    "see https://tickets.example/t/AbCdEfGhIjKlMnOpQrStUv": Leak.LINK,
    "/wap/t/AbCdEfGhIjKlMnOpQrStUv": Leak.LINK,
    "Bearer ctk_AbCdEfGh_0123456789abcdef": Leak.KEY,
    "sk_live_0123456789abcdef": Leak.KEY,
    "whsec_0123456789abcdef": Leak.KEY,
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJzYWxlcyJ9.sig": Leak.KEY,
    "-----BEGIN EC PRIVATE KEY-----": Leak.KEY,
}

HARMLESS = (
    "",
    "+8210****5678 has no free memory",
    "booking 01a20363-2970-7071-8364-123456781234",
    "booking 42424242-4242-7424-8242-424242424242",
    "2026-11-22T13:13:34.755741+00:00",
    "1763817214755 ms",
    "4242424242424241 does not check",
    "42424242424242424242 is too long for a card",
    "at /bookings/01a20363-2970-7071-8364-123456781234/payments",
    "no PIN was given",
    "pin: ***",
    "order 482910375-1",
    "the network says 402 card_declined",
    "sk_live_*** was refused",
    "message 0x4242424242424242 is unknown",
)
