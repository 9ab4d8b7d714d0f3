"""What the SMPP tests share: any PDU at all, and two sessions joined in memory."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import strategies as st

from mobile_gateway.wire.smpp import (
    Address,
    BindTransceiver,
    BindTransceiverResp,
    DistributionList,
    Event,
    Pdu,
    Request,
    Role,
    Session,
    State,
    SubmitSm,
    Timers,
    Tlv,
    Unsuccessful,
    tlvs,
)
from mobile_gateway.wire.smpp.codec import PDUS
from mobile_gateway.wire.smpp.fields import WIRE, CString, Destinations, Failures, Kind, Octet, ShortMessage

NEVER = Timers(session_init_seconds=None, enquire_link_seconds=None, inactivity_seconds=None, response_seconds=None)


def a_submit(**changes: Any) -> SubmitSm:
    fields: dict[str, Any] = {
        "source_addr_ton": 5,
        "source_addr": "CYBER",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": "821012345678",
        "registered_delivery": 1,
        "short_message": b"Your ticket 123456789",
    }
    return SubmitSm(**fields | changes)


# --- any PDU --------------------------------------------------------------------------------------------------------

octets = st.integers(0, 255)


def strings(size_max: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=size_max - 1)


addresses = st.builds(Address, octets, octets, strings(21))


def values(kind: Kind) -> st.SearchStrategy[Any]:
    """Any value that a field of this kind can hold."""
    match kind:
        case Octet():
            return octets
        case CString(size_max=size_max):
            return strings(size_max)
        case ShortMessage():
            return st.binary(max_size=254)
        case Destinations():
            lists = st.builds(DistributionList, strings(21))
            return st.lists(addresses | lists, min_size=1, max_size=5).map(tuple)
        case Failures():
            return st.lists(st.builds(Unsuccessful, addresses, st.integers(0, 2**32 - 1)), max_size=5).map(tuple)
        case _:
            raise AssertionError(kind)


def _known(parameter: tlvs.AnyParameter) -> st.SearchStrategy[Tlv]:
    size_max = min(parameter.size_max, 40)
    return st.binary(min_size=parameter.size_min, max_size=size_max).map(lambda value: Tlv(parameter.tag, value))


unknown_tlvs = st.builds(Tlv, st.integers(0x1400, 0x3FFF), st.binary(max_size=20))
any_tlvs = st.lists(st.sampled_from(list(tlvs.KNOWN.values())).flatmap(_known) | unknown_tlvs, max_size=4).map(tuple)


def any_of(kind: type[Pdu]) -> st.SearchStrategy[Pdu]:
    fields = {f.name: values(f.metadata[WIRE]) for f in dataclasses.fields(kind) if WIRE in f.metadata}
    return st.builds(kind, tlvs=any_tlvs, **fields)


any_pdu = st.one_of([any_of(kind) for kind in PDUS.values()])


# --- two ends in memory ---------------------------------------------------------------------------------------------


class Pair:
    """An ESME and an SMSC with a wire between them, cut into pieces of `step` octets. Everything is heard at `now`."""

    def __init__(self, *, window: int = 10, step: int = 1_000_000, timers: Timers = NEVER) -> None:
        self.now = 100.0
        self.step = step
        self.esme = Session(Role.ESME, timers=timers, window=window, now=self.now)
        self.smsc = Session(Role.SMSC, timers=timers, window=window, now=self.now)

    def other(self, session: Session) -> Session:
        return self.smsc if session is self.esme else self.esme

    def carry(self, sender: Session, data: bytes) -> list[Event]:
        """What the other end makes of `data`; what it answers by itself goes back at once, and must surprise nobody."""
        receiver = self.other(sender)
        events: list[Event] = []
        for at in range(0, len(data), self.step):
            events += receiver.receive_data(data[at : at + self.step], self.now)
        if answer := receiver.outgoing():
            events += self.carry(receiver, answer)
        return events

    def tell(self, sender: Session, pdu: Pdu) -> list[Event]:
        return self.carry(sender, sender.send(pdu, self.now))

    def ask(self, sender: Session, pdu: Pdu) -> Request:
        """The request as it reached the other end."""
        (event,) = self.tell(sender, pdu)
        assert isinstance(event, Request)
        return event

    def answer(self, request: Request, pdu: Pdu, **more: int) -> list[Event]:
        """What the asker makes of the SMSC's answer."""
        return self.carry(self.smsc, self.smsc.respond(request, pdu, **more))

    def bind(self) -> Pair:
        request = self.ask(self.esme, BindTransceiver(system_id="cyber", password="secret08"))
        self.answer(request, BindTransceiverResp(system_id="SMSC"))
        assert self.esme.state is self.smsc.state is State.BOUND_TRX
        return self
