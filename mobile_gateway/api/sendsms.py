"""`/cgi-bin/sendsms`, as applications written for Kannel's smsbox know it: parameters in, one line of text out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from mobile_gateway.api.access import TheNetwork, TheSettings, is_password
from mobile_gateway.carrier.carrier import Answer, BadTimes, QueueFull, Taken, Throttled, TooLong
from mobile_gateway.carrier.messages import UDHI, Dlr, Priority, Submission, Way
from mobile_gateway.settings import GatewaySettings
from mobile_gateway.subscribers import handset_number
from mobile_gateway.wire import gsm
from mobile_gateway.wire.data_coding import data_coding_of

RECIPIENTS_MAX = 100
URL_LETTERS_MAX = 2048
MASK_MAX = 255
"""Kannel takes whatever number stands there; bits that we do not know ask for nothing."""
MINUTES_MAX = 30 * 1440

_CODINGS: Final = (gsm.Coding.GSM, gsm.Coding.BINARY, gsm.Coding.UCS2)
_CHARSETS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "iso-8859-1": "latin-1",
    "latin-1": "latin-1",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "utf-16be": "utf-16-be",
    "ucs-2": "utf-16-be",
    "euc-kr": "euc-kr",
    "cp949": "cp949",
    "ks_c_5601-1987": "euc-kr",
    "windows-1252": "cp1252",
}
_SENDER = re.compile(r"\+?[0-9]{1,20}|[ -~]{1,11}")

sendsms = APIRouter(tags=["sendsms"])


class _Wrong(Exception):
    """A parameter that cannot be; the sentence says which and what to write."""


@sendsms.get("/cgi-bin/sendsms", response_class=PlainTextResponse)
@sendsms.post("/cgi-bin/sendsms", response_class=PlainTextResponse)
async def send(request: Request, network: TheNetwork, settings: TheSettings) -> Response:
    """Send one text to up to a hundred numbers; takes the parameters of Kannel's smsbox, in the address or a form."""
    query = request.url.query.encode("ascii", "replace")
    form = await request.body() if request.method == "POST" else b""
    given = _parameters(query + b"&" + form)
    account = _either(given, "username", "user")
    if not is_password(settings, account, _either(given, "password", "pass")):
        return _line("Authorization failed for sendsms", 403)
    try:
        submissions = _submissions(account, given, settings, now=network.now())
    except (_Wrong, gsm.TextRefused) as fault:
        return _line(str(fault), 400)
    return _answer(await network.submit_many(submissions))


def _answer(answers: list[Answer]) -> Response:
    """One line for all: accepted where every number was, else why the first was not."""
    for answer in answers:
        match answer:
            case Taken():
                continue
            case Throttled() | QueueFull():
                return _line("Temporal failure, try again later.", 503)
            case TooLong(why) | BadTimes(why):
                return _line(why, 400)
            case _:
                return _line("Rejected", 403)
    return _line("0: Accepted for delivery", 202)


def _line(text: str, status: int) -> Response:
    return PlainTextResponse(text, status, media_type="text/html")


def _parameters(query: bytes) -> Mapping[str, bytes]:
    """The parameters in octets, since `charset` says how to read the text. The first of a name counts."""
    found: dict[str, bytes] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1"):
        found.setdefault(name, value.encode("latin-1"))
    return found


@dataclass(frozen=True, slots=True)
class _Content:
    user_data: bytes
    data_coding: int
    esm_class: int


def _submissions(
    account: str, given: Mapping[str, bytes], settings: GatewaySettings, *, now: datetime
) -> list[Submission]:
    content, dlr = _content(given), _dlr(given)
    sender = _word(given, "from") or settings.sender
    if not _SENDER.fullmatch(sender):
        raise _Wrong("Sender missing or wrong: `from` takes a number or at most 11 letters")
    deferred, validity = _number(given, "deferred", MINUTES_MAX), _number(given, "validity", MINUTES_MAX)
    return [
        Submission(
            account=account,
            to=number,
            sender=sender,
            user_data=content.user_data,
            data_coding=content.data_coding,
            esm_class=content.esm_class,
            priority=_number(given, "priority", int(Priority.HIGHEST)) or Priority.LOWEST,
            schedule_at=now + timedelta(minutes=deferred) if deferred else None,
            validity_seconds=validity * 60.0 if validity else None,
            way=Way.SENDSMS,
            dlr=dlr,
        )
        for number in _recipients(given, settings)
    ]


def _recipients(given: Mapping[str, bytes], settings: GatewaySettings) -> list[str]:
    typed = _word(given, "to").split()
    if not typed or len(typed) > RECIPIENTS_MAX:
        raise _Wrong(f"Missing receiver number, rejected: `to` takes 1 to {RECIPIENTS_MAX} numbers with spaces between")
    numbers = [handset_number(one, country_code=settings.country_code) for one in typed]
    if None in numbers:
        raise _Wrong("Receiver number garbled: write it with its country code, as +821012345678")
    return list(dict.fromkeys(number for number in numbers if number))


def _content(given: Mapping[str, bytes]) -> _Content:
    """What the handset gets: `text` read by `charset` and written by `coding`, with `udh` before it."""
    header, text = given.get("udh", b""), given.get("text", b"")
    if not header and not text:
        raise _Wrong("Empty text is not allowed: give `text`, or `udh`")
    coding_given = _number(given, "coding", len(_CODINGS) - 1)
    message_class = _number(given, "mclass", 3)
    if coding_given == _CODINGS.index(gsm.Coding.BINARY) or (coding_given is None and header):
        coding, octets = gsm.Coding.BINARY, text
    else:
        words = _read(text, given)
        gsm_can = gsm.is_gsm(words) if coding_given is None else coding_given == 0
        coding = gsm.Coding.GSM if gsm_can else gsm.Coding.UCS2
        octets = gsm.encode(words, coding)
    return _Content(header + octets, data_coding_of(coding, message_class=message_class), UDHI if header else 0)


def _read(text: bytes, given: Mapping[str, bytes]) -> str:
    # Kannel passes on what has `coding` 2 and no `charset` as it is: in the octets of UCS-2.
    usual = "utf-16be" if _number(given, "coding", len(_CODINGS) - 1) == _CODINGS.index(gsm.Coding.UCS2) else "utf-8"
    charset = _word(given, "charset").lower() or usual
    if charset not in _CHARSETS:
        raise _Wrong(f"Charset unknown: `charset` takes {', '.join(sorted(_CHARSETS))}")
    try:
        return text.decode(_CHARSETS[charset])
    except UnicodeDecodeError:
        raise _Wrong(f"Charset conversion failed: `text` is not in {charset}") from None


def _dlr(given: Mapping[str, bytes]) -> Dlr | None:
    mask, url = _number(given, "dlr-mask", MASK_MAX), _word(given, "dlr-url")
    if not (mask and url):
        return None
    if len(url) > URL_LETTERS_MAX or not url.startswith(("http://", "https://")):
        raise _Wrong(f"dlr-url must be an http or https address of at most {URL_LETTERS_MAX} letters")
    return Dlr(url, mask)


def _either(given: Mapping[str, bytes], name: str, short_name: str) -> str:
    """A parameter that Kannel's user guide gives two names."""
    return given.get(name, given.get(short_name, b"")).decode("utf-8", "replace")


def _word(given: Mapping[str, bytes], name: str) -> str:
    return given.get(name, b"").decode("utf-8", "replace").strip()


def _number(given: Mapping[str, bytes], name: str, most: int) -> int | None:
    """A parameter from 0 to `most`; None where it is absent or empty."""
    typed = _word(given, name)
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) < 10 and int(typed) <= most):  # noqa: PLR2004 - digits enough for any of them
        raise _Wrong(f"{name} must be a number from 0 to {most}")
    return int(typed)
