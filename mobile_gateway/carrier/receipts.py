"""What an account is to be told about its messages, and what becomes of it when it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.carrier.messages import Entry, Message, Policy, State, Way, backoff
from mobile_gateway.carrier.outgoing import Forwarded, Kind, NotNow, Outgoing, Told

DLR_DELIVERED, DLR_FAILED, DLR_BUFFERED, DLR_ACCEPTED, DLR_REJECTED = 1, 2, 4, 8, 16
"""The bits of Kannel's dlr-mask, and its %d."""


def accepted(message: Message, *, now: datetime) -> Outgoing | None:
    """That the network took the message, where a sender of `sendsms` wants to hear it."""
    dlr = message.submission.dlr
    return _telling(message, Kind.ACCEPTED, now, now) if dlr and dlr.mask & DLR_ACCEPTED else None


def is_first_failure(message: Message) -> bool:
    """Whether the message's first attempt just failed for now, and its sender wants to hear of that."""
    first = message.state is State.ENROUTE and message.attempts == 1 and message.error is not None
    dlr = message.submission.dlr
    return first and (message.submission.wants_intermediate or bool(dlr and dlr.mask & DLR_BUFFERED))


def notice(message: Message, *, now: datetime) -> Outgoing:
    """That the first attempt failed and others follow (SMPP 3.4 section 5.2.17, intermediate notification)."""
    return _telling(message, Kind.NOTICE, now, now)


def await_return(ledger: Ledger, message: Message) -> None:
    """Note that the sender of a message which could not be delivered is told when the handset is back."""
    if message.submission.alerts and message.error is not None and message.state in _UNREACHED:
        ledger.add_alert(message.to, message.account, message.sender)


def returned(ledger: Ledger, numbers: Iterable[str], *, now: datetime) -> list[Outgoing]:
    """What is owed to those who wait for these handsets, which are back (SMPP 3.4 section 4.12.1)."""
    if not ledger.has_alerts():
        return []
    return [
        Outgoing(0, account, Way.SMPP, Kind.ALERT, "", number, address, now, b"", due_at=now)
        for number in numbers
        for account, address in ledger.take_alerts(number)
    ]


def final(message: Message, policy: Policy, *, now: datetime) -> Outgoing | None:
    """How the message ended, where its sender wants to hear it; None too for one that has not ended."""
    if message.state is State.ENROUTE or not _wants(message, policy):
        return None
    return _telling(message, Kind.RECEIPT, now, now + timedelta(seconds=policy.receipt_delay_seconds))


def dlr_type(outgoing: Outgoing) -> int:
    """Kannel's %d: what kind of report this is."""
    if outgoing.kind is Kind.ACCEPTED:
        return DLR_ACCEPTED
    if outgoing.kind is Kind.NOTICE:
        return DLR_BUFFERED
    if outgoing.state is State.DELIVERED:
        return DLR_DELIVERED
    asked = outgoing.dlr.mask if outgoing.dlr else 0
    rejected = outgoing.state is State.REJECTED and not asked & DLR_FAILED
    return DLR_REJECTED if rejected else DLR_FAILED


_UNREACHED = frozenset({State.ENROUTE, State.EXPIRED})
"""A handset of which nothing is known, or that is barred, does not come back."""


def _wants(message: Message, policy: Policy) -> bool:
    submission = message.submission
    match submission.way:
        case Way.HTTP:
            return policy.sends_receipts and submission.wants_receipt(message.state)
        case Way.SENDSMS:
            mask = submission.dlr.mask if submission.dlr else 0
            failed = DLR_FAILED | (DLR_REJECTED if message.state is State.REJECTED else 0)
            return bool(mask & (DLR_DELIVERED if message.state is State.DELIVERED else failed))
        case Way.SMPP | Way.PAP:
            return submission.wants_receipt(message.state)


def _telling(message: Message, kind: Kind, now: datetime, due_at: datetime) -> Outgoing:
    sent = message.submission
    return Outgoing(
        id=0,
        account=sent.account,
        way=sent.way,
        kind=kind,
        message_id=message.id,
        sender=sent.to,
        to=sent.sender,
        at=message.ended_at or now,
        user_data=sent.user_data[:_HEAD_OCTETS],
        data_coding=sent.data_coding,
        esm_class=sent.esm_class,
        service_type=sent.service_type,
        submitted_at=message.accepted_at,
        state=message.state,
        parts=message.parts,
        error=message.error,
        error_code=message.error_code,
        dlr=sent.dlr,
        due_at=due_at,
    )


_HEAD_OCTETS = 200
"""Enough for a header and the first 20 characters, which a receipt's text repeats."""


def settle(ledger: Ledger, told: Sequence[tuple[Outgoing, Told]], *, policy: Policy, now: datetime) -> None:
    """What was told is done; what was not is due again later, or given up in the end."""
    done, later = [], []
    for one, answer in told:
        if isinstance(answer, Forwarded):
            done.append(one.id)
            continue
        failures = one.attempts + 1
        due_at = now + backoff(policy.receipt_retry_seconds, failures)
        keep_until = one.at + timedelta(seconds=policy.receipt_keep_seconds)
        if isinstance(answer, NotNow) and due_at <= keep_until:
            later.append(replace(one, attempts=failures, due_at=due_at))
            continue
        done.append(one.id)
        if one.state is not None:
            ledger.add_entry(one.message_id, Entry(now, one.state, f"{one.kind} given up: {answer.why}"))
    ledger.drop_outgoing(done)
    ledger.save_outgoing(later)
