"""What WAP push brings: a Service Indication (WAP-167) or a Service Loading (WAP-168), as XML and as WBXML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TypeVar

from mobile_gateway.wire import wbxml, xmltree
from mobile_gateway.wire.wbxml_writing import Unencodable, encode
from mobile_gateway.wire.xmltree import Doctype, Element

SI_XML, SI_WBXML = "text/vnd.wap.si", "application/vnd.wap.sic"
SL_XML, SL_WBXML = "text/vnd.wap.sl", "application/vnd.wap.slc"

SI_DOCTYPE = Doctype("si", "-//WAPFORUM//DTD SI 1.0//EN", "http://www.wapforum.org/DTD/si.dtd")
SL_DOCTYPE = Doctype("sl", "-//WAPFORUM//DTD SL 1.0//EN", "http://www.wapforum.org/DTD/sl.dtd")

_VALUES = {".com/": 0x85, ".edu/": 0x86, ".net/": 0x87, ".org/": 0x88}
_SI: Final = wbxml.Tables(
    public_ids=(0x05,),
    tags={"si": 0x05, "indication": 0x06, "info": 0x07, "item": 0x08},
    attributes={
        ("action", "signal-none"): 0x05, ("action", "signal-low"): 0x06, ("action", "signal-medium"): 0x07,
        ("action", "signal-high"): 0x08, ("action", "delete"): 0x09, ("created", ""): 0x0A,
        ("href", ""): 0x0B, ("href", "http://"): 0x0C, ("href", "http://www."): 0x0D,
        ("href", "https://"): 0x0E, ("href", "https://www."): 0x0F,
        ("si-expires", ""): 0x10, ("si-id", ""): 0x11, ("class", ""): 0x12,
    },
    values=_VALUES,
    dates=frozenset({"created", "si-expires"}),
)  # fmt: skip
_SL: Final = wbxml.Tables(
    public_ids=(0x06,),
    tags={"sl": 0x05},
    attributes={
        ("action", "execute-low"): 0x05, ("action", "execute-high"): 0x06, ("action", "cache"): 0x07,
        ("href", ""): 0x08, ("href", "http://"): 0x09, ("href", "http://www."): 0x0A,
        ("href", "https://"): 0x0B, ("href", "https://www."): 0x0C,
    },
    values=_VALUES,
)  # fmt: skip

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_SPACES = re.compile(r"[ \t\r\n]+")


class MalformedPush(ValueError):
    """Octets that are no SI or SL, or one that breaks its rules; the message says what to change."""


class SiAction(StrEnum):
    """WAP-167 section 5.2: how loudly an indication is told, or that it takes back an earlier one."""

    SIGNAL_NONE = "signal-none"
    SIGNAL_LOW = "signal-low"
    SIGNAL_MEDIUM = "signal-medium"
    SIGNAL_HIGH = "signal-high"
    DELETE = "delete"


class SlAction(StrEnum):
    """WAP-168 section 5.2: whether loading may interrupt, or only fills the cache."""

    EXECUTE_LOW = "execute-low"
    EXECUTE_HIGH = "execute-high"
    CACHE = "cache"


A = TypeVar("A", SiAction, SlAction)


@dataclass(frozen=True, slots=True)
class ServiceIndication:
    """A sentence for the holder and the address it is about. Times have whole seconds. Raises MalformedPush."""

    href: str | None
    text: str
    si_id: str | None = None
    action: SiAction = SiAction.SIGNAL_MEDIUM
    created: datetime | None = None
    expires: datetime | None = None

    def __post_init__(self) -> None:
        if self.action is SiAction.DELETE and not self.si_id:
            raise MalformedPush("An SI that deletes must say which: give it an si-id.")

    @property
    def identity(self) -> str | None:
        """What makes two indications the same one: the si-id, or the address where there is none."""
        return self.si_id or self.href

    def replaces(self, earlier: ServiceIndication) -> bool:
        """WAP-167 section 6.2: whether this one takes the place of `earlier`, which has the same identity.

        Without dates there is no telling which is older; then both stay.
        """
        same = self.identity is not None and self.identity == earlier.identity
        return same and self.created is not None and earlier.created is not None and self.created >= earlier.created

    def is_over(self, now: datetime) -> bool:
        """Whether it has expired and should not be shown any more."""
        return self.expires is not None and now >= self.expires


@dataclass(frozen=True, slots=True)
class ServiceLoading:
    """An address that the phone is to load by itself."""

    href: str
    action: SlAction = SlAction.EXECUTE_LOW


def read_xml(octets: bytes, *, charset: str | None = None) -> ServiceIndication | ServiceLoading:
    """An SI or SL document; raises MalformedPush."""
    try:
        return _value(xmltree.parse(octets, charset=charset))
    except xmltree.MalformedXml as fault:
        raise MalformedPush(str(fault)) from fault


def read_wbxml(octets: bytes) -> ServiceIndication | ServiceLoading:
    """A compiled SI or SL, by its public identifier; raises MalformedPush."""
    is_loading = len(octets) > 1 and octets[1] in _SL.public_ids
    try:
        return _value(wbxml.decode(octets, _SL if is_loading else _SI))
    except wbxml.MalformedWbxml as fault:
        raise MalformedPush(str(fault)) from fault


def to_xml(push: ServiceIndication | ServiceLoading) -> str:
    """The document with its DOCTYPE; raises MalformedPush for text that XML cannot carry."""
    doctype = SI_DOCTYPE if isinstance(push, ServiceIndication) else SL_DOCTYPE
    try:
        return xmltree.write(_element(push), doctype=doctype)
    except xmltree.MalformedXml as fault:
        raise MalformedPush(str(fault)) from fault


def to_wbxml(push: ServiceIndication | ServiceLoading) -> bytes:
    """The compiled document; raises MalformedPush for text that XML cannot carry."""
    try:
        return encode(_element(push), _SI if isinstance(push, ServiceIndication) else _SL)
    except Unencodable as fault:
        raise MalformedPush(str(fault)) from fault


def _value(root: Element) -> ServiceIndication | ServiceLoading:
    match root.name:
        case "si":
            return _indication(root)
        case "sl":
            href = root.attributes.get("href")
            if not href:
                raise MalformedPush("An SL must say what to load: give it an href.")
            return ServiceLoading(href, _action(SlAction, root.attributes, SlAction.EXECUTE_LOW))
        case _:
            raise MalformedPush(f"The root is <{root.name}>; it must be <si> or <sl>.")


def _indication(root: Element) -> ServiceIndication:
    indication = root.find("indication")
    if indication is None:
        raise MalformedPush("An SI holds one <indication>, and this one has none.")
    said = indication.attributes
    return ServiceIndication(
        href=said.get("href") or None,
        text=_SPACES.sub(" ", indication.text).strip(" "),
        si_id=said.get("si-id") or None,
        action=_action(SiAction, said, SiAction.SIGNAL_MEDIUM),
        created=_date(said, "created"),
        expires=_date(said, "si-expires"),
    )


def _element(push: ServiceIndication | ServiceLoading) -> Element:
    if isinstance(push, ServiceLoading):
        return Element("sl", {"href": push.href, "action": push.action})
    said = {
        "href": push.href,
        "si-id": push.si_id,
        "action": push.action,
        "created": _written(push.created),
        "si-expires": _written(push.expires),
    }
    given = {name: value for name, value in said.items() if value is not None}
    return Element("si", {}, (Element("indication", given, (push.text,) if push.text else ()),))


def _action(actions: type[A], said: Mapping[str, str], default: A) -> A:
    try:
        return actions(said.get("action", default))
    except ValueError:
        known = ", ".join(actions)
        raise MalformedPush(f"The action {said['action'][:20]!r} is not known; choose of {known}.") from None


def _date(said: Mapping[str, str], name: str) -> datetime | None:
    text = said.get(name)
    if text is None:
        return None
    # The pattern first: fromisoformat takes more than WAP does.
    with suppress(ValueError):
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text)
    raise MalformedPush(f"{name} must be a date in UTC, as 2026-11-22T10:00:00Z.")


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).replace(microsecond=0).isoformat()[:19] + "Z"
