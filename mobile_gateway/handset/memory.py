"""A phone's memory as text for the store: one JSON body for each message, one for everything else."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mobile_gateway.browser import Browser
from mobile_gateway.browser.state import Entry
from mobile_gateway.handset.air import Air
from mobile_gateway.handset.glass import glass_of
from mobile_gateway.handset.held import Held, Kind
from mobile_gateway.handset.phone import Phone
from mobile_gateway.handset.places import Draft, Mode, Notice, Place
from mobile_gateway.subscribers import Language, Model
from mobile_gateway.wire import wbmp

# Any: what json.loads gives. Everything is made into a value of ours below, and what cannot be is a damaged store.
_Json = Mapping[str, Any]


def held_body(held: Held) -> str:
    """A message, without what the store knows of it by itself: nothing; `held_of` needs no more than this."""
    return _written(
        {
            "id": held.id,
            "sender": held.sender,
            "text": held.text,
            "parts": held.parts,
            "received_at": held.received_at.isoformat(),
            "opened": held.opened,
            "stored": held.stored,
            "kind": held.kind.value,
            "title": held.title,
            "href": held.href,
            "service_id": held.service_id,
            "created": held.created.isoformat() if held.created else None,
            "pictures": [_octets(wbmp.encode(picture)) for picture in held.pictures],
        }
    )


def held_of(body: str) -> Held:
    """The message that `held_body` wrote."""
    said: _Json = json.loads(body)
    created = said["created"]
    return Held(
        id=said["id"],
        sender=said["sender"],
        text=said["text"],
        parts=said["parts"],
        received_at=datetime.fromisoformat(said["received_at"]),
        opened=said["opened"],
        stored=said["stored"],
        kind=Kind(said["kind"]),
        title=said["title"],
        href=said["href"],
        service_id=said["service_id"],
        created=datetime.fromisoformat(created) if created else None,
        pictures=tuple(wbmp.decode(b64decode(octets)) for octets in said["pictures"]),
    )


def rest_body(phone: Phone) -> str:
    """All of a phone but its number, model, language and messages."""
    return _written(
        {
            "waiting": [_air_out(air) for air in phone.waiting],
            "seen": phone.seen,
            "places": [_place_out(place) for place in phone.places],
            "browser": phone.browser.to_json() if phone.browser else None,
            "notice": phone.notice.value if phone.notice else None,
        }
    )


def phone_of(number: str, model: Model, language: Language, rest: str | None, held: Sequence[Held]) -> Phone:
    """The phone with these messages, newest first; a phone that was never used has no `rest`."""
    phone = Phone(number, model, language, tuple(held))
    if rest is None:
        return phone
    said: _Json = json.loads(rest)
    browser = said["browser"]
    return Phone(
        number=number,
        model=model,
        language=language,
        messages=tuple(held),
        waiting=tuple(map(_air_in, said["waiting"])),
        seen=tuple(said["seen"]),
        places=tuple(map(_place_in, said["places"])),
        browser=Browser.from_json(browser, glass_of(model).display, language) if browser else None,
        notice=Notice(said["notice"]) if said["notice"] else None,
    )


def _air_out(air: Air) -> _Json:
    return {
        "message_id": air.message_id,
        "sender": air.sender,
        "data_coding": air.data_coding,
        "udhi": air.udhi,
        "user_data": _octets(air.user_data),
        "at": air.at.isoformat(),
    }


def _air_in(said: _Json) -> Air:
    return Air(
        message_id=said["message_id"],
        sender=said["sender"],
        data_coding=said["data_coding"],
        udhi=said["udhi"],
        user_data=b64decode(said["user_data"]),
        at=datetime.fromisoformat(said["at"]),
    )


def _place_out(place: Place) -> _Json:
    draft = place.draft
    typed = [draft.to, draft.text, draft.entry.value, draft.cycling]
    return {"mode": place.mode.value, "held": place.held, "at": place.at, "draft": typed}


def _place_in(said: _Json) -> Place:
    to, text, entry, cycling = said["draft"]
    return Place(Mode(said["mode"]), said["held"], said["at"], Draft(to, text, Entry(entry), cycling))


def _written(value: _Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _octets(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
