"""The push proxy gateway (WAP-249): takes pushes over PAP, sends them by SMS, and answers what became of them.

A push is handed to the network under a key made of its push-id and only then written down. Should the gateway stop
between the two, the initiator's next try finds the same messages and completes the record: nothing is sent twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import unquote

from mobile_gateway.carrier.carrier import Answer, BadTimes, Cancelled, KeyReused, QueueFull, Taken, Throttled, TooLong
from mobile_gateway.carrier.messages import BOTH, UDHI, Message, Priority, Submission, SubscriberState, Way
from mobile_gateway.network import Network
from mobile_gateway.ppg import request as ppg_request
from mobile_gateway.ppg.ledger import NAME, Push, PushBook, Recipient, fared
from mobile_gateway.ppg.request import Refusal
from mobile_gateway.services import Gateway
from mobile_gateway.wire import pap
from mobile_gateway.wire.pap import Code, MalformedPap, MessageState

KEPT = timedelta(days=45)
"""A push is remembered longer than it may be scheduled ahead (30 days) and kept trying (7 days)."""
DATA_CODING_8_BIT = 0x04
_PRIORITIES = {
    pap.Urgency.LOW: Priority.LOWEST,
    pap.Urgency.MEDIUM: Priority.RAISED,
    pap.Urgency.HIGH: Priority.HIGHEST,
}


@dataclass(frozen=True, slots=True)
class _Target:
    """An address with the number behind it, or with why there is none."""

    address: str
    number: str | None
    refusal: Refusal | None


class PushProxy:
    """Answers control messages. What it says is on the disk before it is said; any answer may raise StoreFailed."""

    def __init__(self, gateway: Gateway) -> None:
        self._settings = gateway.settings
        self._network: Network = gateway.network
        self._now: Callable[[], datetime] = gateway.now
        self._run = gateway.store.run_sql
        everybody = gateway.settings.creates_unknown_numbers
        self._default_state = SubscriberState.ON if everybody else SubscriberState.UNKNOWN

    async def answer(self, account: str, content_type: str, body: bytes) -> pap.Message:
        """What to answer a request of `account`, whatever it holds."""
        try:
            asked = ppg_request.read(content_type, body)
        except MalformedPap as fault:
            return self._not_understood(fault)
        match asked.control:
            case pap.PushMessage() as message:
                return await self._push(account, message, asked)
            case pap.CancelMessage() as message:
                return await self._cancel(account, message)
            case pap.StatusQuery() as message:
                return await self._query(account, message)
            case message:
                return _not_served(message)

    def _not_understood(self, fault: MalformedPap) -> pap.Message:
        """A push that can be named is refused by its name; anything else was a bad message."""
        if fault.kind == "push-message" and fault.push_id:
            return self._pushed(fault.push_id, Refusal(fault.code, fault.desc))
        return pap.BadMessageResponse(fault.code, fault.desc, fault.fragment)

    # --- push ---------------------------------------------------------------------------------------------------------

    async def _push(self, account: str, message: pap.PushMessage, asked: ppg_request.Asked) -> pap.PushResponse:
        now = self._now()
        refusal = _unacceptable(message, now)
        if await self._run(lambda sql: PushBook(sql).push(account, message.push_id)):
            refusal = _DUPLICATE
        content = refusal or ppg_request.user_data(message, asked.others)
        if isinstance(content, Refusal):
            return self._pushed(message.push_id, content)
        targets = [await self._target(address) for address in dict.fromkeys(message.addresses)]
        if malformed := [one.refusal for one in targets if one.refusal and one.refusal.code is Code.ADDRESS_ERROR]:
            return self._pushed(message.push_id, malformed[0])
        recipients = await self._submit(account, message, content, targets)
        push = Push(account, message.push_id, now, message.notify_to, tuple(recipients))
        return await self._record(push, with_notes=message.progress_notes)

    async def _record(self, push: Push, *, with_notes: bool) -> pap.PushResponse:
        """Write down a push whose messages the network took on; one of which it took none stays unknown."""
        refused = [one for one in push.recipients if one.message_id is None]
        if len(refused) == len(push.recipients):
            return self._pushed(push.push_id, Refusal(refused[0].code, refused[0].reason or ""))
        if not await self._run(lambda sql: _keep(PushBook(sql), push)):
            return self._pushed(push.push_id, _DUPLICATE)
        desc = f"{len(refused)} addresses were refused; ask for their status." if refused else "Accepted."
        notes = (pap.ProgressNote("accepted", "Stored for delivery.", push.received_at),) if with_notes else ()
        return replace(self._pushed(push.push_id, Refusal(Code.ACCEPTED, desc)), notes=notes)

    def _pushed(self, push_id: str, outcome: Refusal) -> pap.PushResponse:
        return pap.PushResponse(push_id, outcome.code, outcome.desc, sender_name=NAME, reply_time=self._now())

    async def _target(self, address: str) -> _Target:
        """The number behind an address, as far as this network knows it."""
        client = pap.client_of(address)
        if client is None:
            why = "An address reads WAPPUSH=+821012345678/TYPE=PLMN@host; correct it."
            return _Target(address, None, Refusal(Code.ADDRESS_ERROR, why))
        # WAP-249 section 7.1 has characters escaped as in a URL; initiators that mind it write the plus as %2B.
        number = self._network.routes.number(unquote(client.who)) if client.kind == "PLMN" else None
        if number is None:
            why = "Only telephone numbers (TYPE=PLMN) of this network can be pushed to; correct the address."
            return _Target(address, None, Refusal(Code.ADDRESS_ERROR, why))
        handset = await self._network.handset(number)
        known = handset.subscriber.state if handset else self._default_state
        if known is SubscriberState.UNKNOWN:
            return _Target(address, None, Refusal(Code.ADDRESS_NOT_FOUND, "Nobody has this number."))
        return _Target(address, number, None)

    async def _submit(
        self, account: str, message: pap.PushMessage, content: bytes, targets: Sequence[_Target]
    ) -> list[Recipient]:
        """Hand the message for each address to the network, and how each fared with it."""
        priority = _PRIORITIES[message.quality.priority if message.quality else pap.Urgency.MEDIUM]
        base = Submission(
            account=account,
            to="",
            sender=self._settings.sender,
            user_data=content,
            data_coding=DATA_CODING_8_BIT,
            esm_class=UDHI,
            priority=priority,
            registered_delivery=BOTH,
            schedule_at=message.deliver_after,
            expires_at=message.deliver_before,
            way=Way.PAP,
        )
        numbered = [(one, one.number) for one in targets if one.number]
        submissions = [replace(base, to=number, key=_key(message.push_id, one.address)) for one, number in numbered]
        answers = iter(await self._network.submit_many(submissions) if submissions else [])
        now = self._now()
        return [
            _refused(one.address, one.refusal, now) if one.refusal else _recipient(one.address, next(answers), now)
            for one in targets
        ]

    # --- cancel and status query --------------------------------------------------------------------------------------

    async def _cancel(self, account: str, message: pap.CancelMessage) -> pap.CancelResponse:
        found = await self._run(lambda sql: PushBook(sql).push(account, message.push_id))
        if found is None:
            return pap.CancelResponse(message.push_id, (pap.CancelResult(Code.PUSH_ID_NOT_FOUND, _NO_PUSH),))
        outcomes: dict[tuple[Code, str], list[str]] = {}
        for address, recipient in _chosen(found, message.addresses):
            code, desc = Code.ADDRESS_NOT_FOUND, "The push did not go to this address."
            if recipient:
                code, desc = await self._cancel_one(account, recipient)
            outcomes.setdefault((code, desc), []).append(address)
        results = (pap.CancelResult(code, desc, tuple(some)) for (code, desc), some in outcomes.items())
        return pap.CancelResponse(message.push_id, tuple(results))

    async def _cancel_one(self, account: str, recipient: Recipient) -> tuple[Code, str]:
        if recipient.message_id and isinstance(await self._network.cancel(account, recipient.message_id), Cancelled):
            return Code.OK, "Cancelled."
        if (await self._fresh(account, recipient)).state is MessageState.CANCELLED:
            return Code.OK, "Cancelled before."
        return Code.CANCELLATION_NOT_POSSIBLE, "The push has come to its end."

    async def _query(self, account: str, message: pap.StatusQuery) -> pap.StatusResponse:
        found = await self._run(lambda sql: PushBook(sql).push(account, message.push_id))
        if found is None:
            unknown = pap.StatusResult(Code.PUSH_ID_NOT_FOUND, MessageState.UNKNOWN, _NO_PUSH, message.addresses)
            return pap.StatusResponse(message.push_id, (unknown,))
        results = []
        for address, recipient in _chosen(found, message.addresses):
            if recipient is None:
                why = "The push did not go to this address."
                results.append(pap.StatusResult(Code.ADDRESS_NOT_FOUND, MessageState.UNKNOWN, why, (address,)))
                continue
            now = await self._fresh(account, recipient)
            results.append(pap.StatusResult(now.code, now.state, now.reason, (address,), now.at))
        return pap.StatusResponse(message.push_id, tuple(results))

    async def _fresh(self, account: str, recipient: Recipient) -> Recipient:
        """The recipient as the network has it now: the receipt of an end comes a little later than the end."""
        if recipient.state is not MessageState.PENDING or recipient.message_id is None:
            return recipient
        message = await self._network.query(account, recipient.message_id)
        return _as_it_is(recipient, message) if message else recipient


_DUPLICATE = Refusal(Code.DUPLICATE_PUSH_ID, "This push-id was used before; give a new push a new one.")
_NO_PUSH = "This account has sent no push of that id, or long ago."


def _not_served(message: pap.Message) -> pap.Message:
    if isinstance(message, pap.CapabilityQuery):
        why = "What clients can do is not known here."
        return pap.CapabilityResponse(message.address, Code.NOT_IMPLEMENTED, why, message.query_id)
    why = "This message goes from a gateway to an initiator, not to a gateway."
    return pap.BadMessageResponse(Code.BAD_REQUEST, why, type(message).__name__)


def _unacceptable(message: pap.PushMessage, now: datetime) -> Refusal | None:
    """Why a push cannot be served at all; None where it can."""
    if message.replace_push_id:
        return Refusal(Code.REPLACEMENT_NOT_SUPPORTED, "Cancel the earlier push, then send this one without replacing.")
    if message.deliver_before and message.deliver_before <= max(now, message.deliver_after or now):
        return Refusal(Code.BAD_REQUEST, "deliver-before-timestamp is over, or not after deliver-after-timestamp.")
    if message.notify_to and not message.notify_to.lower().startswith(("http://", "https://")):
        return Refusal(Code.BAD_REQUEST, "ppg-notify-requested-to must be an http or https address.")
    return ppg_request.unmet(message.quality) if message.quality else None


def _keep(book: PushBook, push: Push) -> bool:
    book.forget(push.received_at - KEPT)
    return book.add(push)


def _key(push_id: str, address: str) -> str:
    """What makes the message for one address of one push the same message whenever it is handed in."""
    return "pap:" + hashlib.sha256(f"{push_id}\0{address}".encode()).hexdigest()


def _refused(address: str, refusal: Refusal, now: datetime) -> Recipient:
    return Recipient(address, None, MessageState.REJECTED, refusal.code, refusal.desc, now)


def _recipient(address: str, answer: Answer, now: datetime) -> Recipient:
    """How the network took the message for one address."""
    match answer:
        case Taken(message):
            return Recipient(address, message.id, MessageState.PENDING, Code.ACCEPTED, None, now)
        case KeyReused():
            refusal = _DUPLICATE
        case QueueFull() | Throttled():
            refusal = Refusal(Code.SERVICE_UNAVAILABLE, "Too many messages of this account wait; send it again later.")
        case TooLong(why) | BadTimes(why):
            refusal = Refusal(Code.NOT_POSSIBLE, why)
    return _refused(address, refusal, now)


def _chosen(push: Push, addresses: Iterable[str]) -> list[tuple[str, Recipient | None]]:
    """The recipients that a message is about: those it names, or all."""
    known = {one.address: one for one in push.recipients}
    return [(address, known.get(address)) for address in dict.fromkeys(addresses) or known]


def _as_it_is(recipient: Recipient, message: Message) -> Recipient:
    state, code = fared(message.state)
    at = message.ended_at or recipient.at
    return replace(recipient, state=state, code=code, reason=message.error, at=at)
