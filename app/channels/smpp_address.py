"""Whom we bind to over SMPP: one address for each message centre, `smpp://SYSTEM_ID:PASSWORD@host:port?option=…`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from mobile_gateway.wire.gsm import Coding
from mobile_gateway.wire.smpp import Address, Npi, Ton

PORT = 2775
SYSTEM_ID_LETTERS_MAX = 15
PASSWORD_OCTETS_MAX = 8
SYSTEM_TYPE_LETTERS_MAX = 12
NAME_LETTERS_MAX = 15
SOURCE_LETTERS_MAX = 20
BINDS_MAX = 50
WINDOW_MAX = 1_000
OCTET_MAX = 255

CODINGS = {"gsm": Coding.GSM, "ascii": Coding.ASCII, "latin1": Coding.LATIN1}
MODES = ("transceiver", "split")
OPTIONS = (
    "binds", "coding_default", "from", "mode", "name", "npi", "reference", "system_type", "tls", "ton", "window",
)  # fmt: skip
_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{NAME_LETTERS_MAX}}}")


class BadAddress(ValueError):
    """An address that cannot be bound to; the sentence says what to change and never repeats the password."""


@dataclass(frozen=True, slots=True)
class Smsc:
    """One message centre and how we are known there."""

    name: str
    """What tells its receipts from another's: message ids are unique within one message centre only."""
    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    binds: int = 1
    split: bool = False
    """Whether we bind as transmitters and as receivers, so many of each, instead of as transceivers."""
    window: int = 10
    """How many messages may wait for an answer on each bind."""
    source: Address = field(default_factory=lambda: Address(0, 0, ""))
    """Whom messages are from; empty: as the message centre has it for us."""
    tls: bool = False
    coding_default: Coding = Coding.GSM
    """How this message centre reads data_coding 0."""
    wide_reference: bool = False
    """Whether the parts of a long text are joined by 16 bits instead of 8."""

    @property
    def line(self) -> str:
        """Its name among all channels."""
        return f"sms:{self.name}"


def read(listed: str) -> tuple[Smsc, ...]:
    """The message centres of a list with commas, the preferred one first; raises BadAddress."""
    found = tuple(_read(one.strip()) for one in listed.split(",") if one.strip())
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise BadAddress(f"Two message centres are named {name}; give each a name of its own: …?name=east.")
    return found


def _read(written: str) -> Smsc:
    try:
        url = urlsplit(written)
        port = url.port or PORT
    except ValueError:
        raise BadAddress("The port of a message centre must be a number up to 65535.") from None
    if url.scheme != "smpp" or not url.hostname or not url.username:
        raise BadAddress("A message centre is written smpp://SYSTEM_ID:PASSWORD@host:2775, options after a `?`.")
    system_id, password = unquote(url.username), unquote(url.password or "")
    _check_login(system_id, password)
    given = _options(url)
    name = given.get("name", system_id)
    if not _NAME.fullmatch(name):
        raise BadAddress(f"The name of a message centre has 1 to {NAME_LETTERS_MAX} letters, digits, dots or hyphens.")
    return Smsc(
        name=name,
        host=url.hostname,
        port=port,
        system_id=system_id,
        password=password,
        system_type=_text(given, "system_type", SYSTEM_TYPE_LETTERS_MAX),
        binds=_number(given, "binds", 1, 1, BINDS_MAX),
        split=_one_of(given, "mode", MODES) == "split",
        window=_number(given, "window", 10, 1, WINDOW_MAX),
        source=_source(given),
        tls=_one_of(given, "tls", ("no", "yes")) == "yes",
        coding_default=CODINGS[_one_of(given, "coding_default", tuple(CODINGS))],
        wide_reference=_one_of(given, "reference", ("8", "16")) == "16",
    )


def _check_login(system_id: str, password: str) -> None:
    """SMPP 3.4 section 4.1: both are C-octet strings of fixed room, in ASCII."""
    if len(system_id) > SYSTEM_ID_LETTERS_MAX or not (system_id.isascii() and system_id.isprintable()):
        raise BadAddress(f"The system id of a message centre has at most {SYSTEM_ID_LETTERS_MAX} ASCII letters.")
    if len(password.encode()) > PASSWORD_OCTETS_MAX or not password.isascii():
        raise BadAddress(
            f"The password of {system_id} does not fit: SMPP carries at most {PASSWORD_OCTETS_MAX} ASCII letters."
            " Ask the carrier for a shorter one."
        )


def _options(url: SplitResult) -> Mapping[str, str]:
    pairs = parse_qsl(url.query, keep_blank_values=True, max_num_fields=len(OPTIONS))
    for option, _ in pairs:
        if option not in OPTIONS:
            raise BadAddress(f"{option[:20]!r} is no option of a message centre; choose of {', '.join(OPTIONS)}.")
    return dict(pairs)


def _number(given: Mapping[str, str], option: str, default: int, least: int, most: int) -> int:
    text = given.get(option, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise BadAddress(f"The option {option} of a message centre is a number from {least} to {most}.")
    return int(text)


def _one_of(given: Mapping[str, str], option: str, choices: tuple[str, ...]) -> str:
    text = given.get(option, choices[0])
    if text not in choices:
        raise BadAddress(f"The option {option} of a message centre is one of {', '.join(choices)}.")
    return text


def _text(given: Mapping[str, str], option: str, most: int) -> str:
    text = given.get(option, "")
    if len(text) > most or not text.isascii() or not all(char.isprintable() for char in text):
        raise BadAddress(f"The option {option} of a message centre has at most {most} ASCII letters.")
    return text


def _source(given: Mapping[str, str]) -> Address:
    """Section 5.2.5: what kind of address it is follows from its form, where `ton` and `npi` do not say."""
    written = _text(given, "from", SOURCE_LETTERS_MAX)
    if written.startswith("+"):
        ton, npi, digits = Ton.INTERNATIONAL, Npi.ISDN, written[1:]
    elif written.isdigit():
        ton, npi, digits = Ton.UNKNOWN, Npi.ISDN, written
    else:
        ton, npi, digits = (Ton.ALPHANUMERIC if written else Ton.UNKNOWN), Npi.UNKNOWN, written
    return Address(_number(given, "ton", ton, 0, OCTET_MAX), _number(given, "npi", npi, 0, OCTET_MAX), digits)
