"""The life of an SMPP session: who may send what in which state (SMPP 3.4 sections 2.2 and 2.3).

Everything here is a table. It does not know which side we play: the sender's role is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from mobile_gateway.wire.smpp.status import LocalProtocolError, Status
from mobile_gateway.wire.smpp.values import Command


class Role(StrEnum):
    """Which end of the session: the client that sends short messages, or the network's message centre."""

    ESME = "esme"
    SMSC = "smsc"

    @property
    def peer(self) -> Role:
        return Role.SMSC if self is Role.ESME else Role.ESME


class State(StrEnum):
    OPEN = "open"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBOUND = "unbound"
    CLOSED = "closed"


class Move(StrEnum):
    """What takes a session from one state to the next."""

    BIND_TRANSMITTER = "bind_transmitter accepted"
    BIND_RECEIVER = "bind_receiver accepted"
    BIND_TRANSCEIVER = "bind_transceiver accepted"
    UNBIND = "unbind answered"
    CLOSE = "connection closed"


_BOUND_ONWARD = {Move.UNBIND: State.UNBOUND, Move.CLOSE: State.CLOSED}

TRANSITIONS: Mapping[State, Mapping[Move, State]] = {
    State.OPEN: {
        Move.BIND_TRANSMITTER: State.BOUND_TX,
        Move.BIND_RECEIVER: State.BOUND_RX,
        Move.BIND_TRANSCEIVER: State.BOUND_TRX,
        Move.CLOSE: State.CLOSED,
    },
    State.BOUND_TX: _BOUND_ONWARD,
    State.BOUND_RX: _BOUND_ONWARD,
    State.BOUND_TRX: _BOUND_ONWARD,
    State.UNBOUND: {Move.UNBIND: State.UNBOUND, Move.CLOSE: State.CLOSED},  # both may say goodbye at the same time
    State.CLOSED: {},
}

BINDS: Mapping[int, Move] = {
    Command.BIND_TRANSMITTER: Move.BIND_TRANSMITTER,
    Command.BIND_RECEIVER: Move.BIND_RECEIVER,
    Command.BIND_TRANSCEIVER: Move.BIND_TRANSCEIVER,
}
"""What each bind request leads to, once it is accepted."""

_OPEN = frozenset({State.OPEN})
_SENDS = frozenset({State.BOUND_TX, State.BOUND_TRX})
_RECEIVES = frozenset({State.BOUND_RX, State.BOUND_TRX})
BOUND = _SENDS | _RECEIVES

_BY_ESME = {Role.ESME: _SENDS}
_BY_SMSC = {Role.SMSC: _RECEIVES}
_BY_BOTH = {Role.ESME: BOUND, Role.SMSC: BOUND}
_GOODBYE = {Role.ESME: BOUND | {State.UNBOUND}, Role.SMSC: BOUND | {State.UNBOUND}}
_TO_BIND = {Role.ESME: _OPEN}

LEGAL: Mapping[int, Mapping[Role, frozenset[State]]] = {
    Command.BIND_TRANSMITTER: _TO_BIND,
    Command.BIND_RECEIVER: _TO_BIND,
    Command.BIND_TRANSCEIVER: _TO_BIND,
    Command.OUTBIND: {Role.SMSC: _OPEN},
    Command.UNBIND: _GOODBYE,
    Command.ENQUIRE_LINK: _BY_BOTH,
    Command.SUBMIT_SM: _BY_ESME,
    Command.SUBMIT_MULTI: _BY_ESME,
    Command.QUERY_SM: _BY_ESME,
    Command.CANCEL_SM: _BY_ESME,
    Command.REPLACE_SM: _BY_ESME,
    Command.DATA_SM: _BY_ESME | _BY_SMSC,
    Command.DELIVER_SM: _BY_SMSC,
    Command.ALERT_NOTIFICATION: _BY_SMSC,
}
"""Which role may send each request, and in which states (table 2-1)."""


def advance(state: State, move: Move) -> State:
    """The state after `move`; raises LocalProtocolError where the table has no such move."""
    try:
        return TRANSITIONS[state][move]
    except KeyError:
        raise LocalProtocolError(f"no {move.value} in state {state.value}") from None


def judge(command_id: int, *, sender: Role, state: State) -> Status:
    """ROK where `sender` may send this request in this state, else the status that says why not."""
    if state in LEGAL[command_id].get(sender, frozenset()):
        return Status.ROK
    if command_id in BINDS and sender is Role.ESME and state in BOUND:
        return Status.RALYBND
    return Status.RINVBNDSTS
