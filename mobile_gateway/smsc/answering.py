"""Answering what a bound account asks: one coroutine for each kind of request, each ending in octets to write."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from mobile_gateway.carrier.carrier import (
    BadTimes,
    Cancelled,
    Changes,
    NoSuchMessage,
    Replaced,
    Taken,
    TooLate,
    TooLong,
)
from mobile_gateway.carrier.messages import Submission
from mobile_gateway.disk.store import StoreFailed
from mobile_gateway.network import Clock, Network
from mobile_gateway.smsc.submitting import (
    House,
    Refused,
    check_promises,
    schedule_of,
    sender_of,
    status_of,
    submission,
    submissions,
    time_of,
)
from mobile_gateway.smsc.telling import GROUP_MARK, told_id
from mobile_gateway.subscribers import handset_number
from mobile_gateway.wire.smpp import (
    Address,
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    Destination,
    MessageState,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    Request,
    Session,
    Status,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Ton,
    Unsuccessful,
    format_absolute,
)

log = logging.getLogger(__name__)

ERROR_CODE_MAX = 0xFF


@dataclass(frozen=True, slots=True)
class Desk:
    """Who answers: one account's requests on one session."""

    session: Session
    network: Network
    account: str
    house: House
    now: Clock

    async def submits(self, requests: Sequence[Request]) -> bytes:
        """The answers to several submit_sm and data_sm; the network takes all of them at once."""
        wishes = [self._wish(request) for request in requests]
        asked = [wish for wish in wishes if isinstance(wish, Submission)]
        try:
            answers = iter(await self.network.submit_many(asked) if asked else [])
        except StoreFailed as fault:
            log.warning("%d messages of %s not taken: %s", len(asked), self.account, fault)
            return b"".join(self.session.refuse(request, Status.RSYSERR) for request in requests)
        octets = []
        for request, wish in zip(requests, wishes, strict=True):
            if not isinstance(wish, Submission):
                octets.append(self.session.refuse(request, wish))
                continue
            answer = next(answers)
            if isinstance(answer, Taken):
                response = DataSmResp if isinstance(request.pdu, DataSm) else SubmitSmResp
                octets.append(self.session.respond(request, response(message_id=answer.message.id)))
            else:
                octets.append(self.session.refuse(request, status_of(answer)))
        return b"".join(octets)

    def _wish(self, request: Request) -> Submission | Status:
        assert isinstance(request.pdu, SubmitSm | DataSm)
        try:
            return submission(request.pdu, account=self.account, house=self.house, now=self.now())
        except Refused as refused:
            return refused.status

    async def other(self, request: Request) -> bytes:
        """The answer to any other request of a bound account."""
        try:
            return await self._other(request)
        except Refused as refused:
            return self.session.refuse(request, refused.status)
        except StoreFailed as fault:
            log.warning("%s of %s failed: %s", request.pdu.command.name, self.account, fault)
            return self.session.refuse(request, Status.RSYSERR)

    async def _other(self, request: Request) -> bytes:
        match request.pdu:
            case SubmitMulti() as pdu:
                return await self._multi(request, pdu)
            case QuerySm() as pdu:
                return await self._query(request, pdu)
            case CancelSm() as pdu:
                return await self._cancel(request, pdu)
            case ReplaceSm() as pdu:
                return await self._replace(request, pdu)
            case _:
                return self.session.refuse(request, Status.RINVCMDID)

    async def _multi(self, request: Request, pdu: SubmitMulti) -> bytes:
        """One message id for all destinations; those not taken are listed (section 4.5.2)."""
        found = submissions(pdu, account=self.account, house=self.house, now=self.now())
        asked = [wish for _, wish in found if isinstance(wish, Submission)]
        answers = iter(await self.network.submit_group(asked, mark=GROUP_MARK) if asked else [])
        failed: list[tuple[Destination, Status]] = []
        message_id = ""
        for to, wish in found:
            answer = next(answers) if isinstance(wish, Submission) else wish
            if isinstance(answer, Taken):
                message_id = message_id or told_id(answer.message.id)
            else:
                failed.append((to, answer if isinstance(answer, Status) else status_of(answer)))
        if not message_id:
            return self.session.refuse(request, failed[0][1])
        unsuccessful = tuple(Unsuccessful(_sme(to), status) for to, status in failed)
        return self.session.respond(request, SubmitMultiResp(message_id=message_id, unsuccess_smes=unsuccessful))

    async def _query(self, request: Request, pdu: QuerySm) -> bytes:
        source = Address(pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr)
        found = await self.network.query(self.account, pdu.message_id, source=_source(source))
        if found is None:
            return self.session.refuse(request, Status.RINVMSGID)
        answer = QuerySmResp(
            message_id=pdu.message_id,
            final_date=format_absolute(found.ended_at) if found.ended_at else "",
            message_state=MessageState[found.state],
            error_code=min(found.error_code, ERROR_CODE_MAX),
        )
        return self.session.respond(request, answer)

    async def _cancel(self, request: Request, pdu: CancelSm) -> bytes:
        source = _source(Address(pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr))
        if pdu.message_id:
            answer = await self._cancel_named(pdu.message_id, source)
        else:
            to = Address(pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr)
            digits = f"+{to.digits.removeprefix('+')}" if to.ton == Ton.INTERNATIONAL else to.digits
            number = handset_number(digits, country_code=self.house.country_code)
            if number is None:
                raise Refused(Status.RINVDSTADR)
            if source is None:
                raise Refused(Status.RINVSRCADR)
            answer = await self.network.cancel_all(
                self.account, source=source, to=number, service_type=pdu.service_type or None
            )
        match answer:
            case Cancelled():
                return self.session.respond(request, CancelSmResp())
            case NoSuchMessage():
                return self.session.refuse(request, Status.RINVMSGID if pdu.message_id else Status.RCANCELFAIL)
            case TooLate():
                return self.session.refuse(request, Status.RCANCELFAIL)

    async def _cancel_named(self, message_id: str, source: str | None) -> Cancelled | NoSuchMessage | TooLate:
        """Stop one message, or every message of one submit_multi."""
        answer = await self.network.cancel(self.account, message_id, source=source)
        if isinstance(answer, NoSuchMessage):
            return answer
        for place in itertools.count(2):
            other = await self.network.cancel(self.account, f"{message_id}{GROUP_MARK}{place}", source=source)
            if isinstance(other, NoSuchMessage):
                break
            if isinstance(other, Cancelled):
                answer = other
        return answer

    async def _replace(self, request: Request, pdu: ReplaceSm) -> bytes:
        check_promises(pdu)
        now = self.now()
        changes = Changes(
            user_data=pdu.short_message,
            schedule_at=schedule_of(pdu.schedule_delivery_time, now),
            expires_at=time_of(pdu.validity_period, now, Status.RINVEXPIRY),
            registered_delivery=pdu.registered_delivery,
        )
        source = _source(Address(pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr))
        match await self.network.replace(self.account, pdu.message_id, changes, source=source):
            case Replaced():
                return self.session.respond(request, ReplaceSmResp())
            case NoSuchMessage():
                return self.session.refuse(request, Status.RINVMSGID)
            case TooLate():
                return self.session.refuse(request, Status.RREPLACEFAIL)
            case TooLong():
                return self.session.refuse(request, Status.RINVMSGLEN)
            case BadTimes():
                return self.session.refuse(request, Status.RINVEXPIRY)


def _source(address: Address) -> str | None:
    """Whose message it must be; an empty address means whatever was the default when it was submitted."""
    return sender_of(address) or None


def _sme(to: Destination) -> Address:
    """Where a destination stands in the answer, which knows addresses only: a distribution list goes by its name."""
    return to if isinstance(to, Address) else Address(Ton.ALPHANUMERIC, 0, to.name)
