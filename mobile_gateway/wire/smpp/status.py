"""What an SMPP answer's command_status says, and the two kinds of broken protocol: our bug and the peer's."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """command_status, SMPP 3.4 section 5.1.3, without the prefix `ESME_`. A peer may send others: they stay ints."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Status:  # noqa: PYI034 - an enum cannot be subclassed
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    ROK = 0x00, "no error"
    RINVMSGLEN = 0x01, "the length of the message is invalid"
    RINVCMDLEN = 0x02, "the length of the command is invalid"
    RINVCMDID = 0x03, "the command is not known"
    RINVBNDSTS = 0x04, "the session's bind state does not allow this command"
    RALYBND = 0x05, "the session is already bound"
    RINVPRTFLG = 0x06, "the priority flag is invalid"
    RINVREGDLVFLG = 0x07, "the registered delivery flag is invalid"
    RSYSERR = 0x08, "system error"
    RINVSRCADR = 0x0A, "the source address is invalid"
    RINVDSTADR = 0x0B, "the destination address is invalid"
    RINVMSGID = 0x0C, "the message id is invalid"
    RBINDFAIL = 0x0D, "the bind failed"
    RINVPASWD = 0x0E, "the password is invalid"
    RINVSYSID = 0x0F, "the system id is invalid"
    RCANCELFAIL = 0x11, "the message cannot be cancelled"
    RREPLACEFAIL = 0x13, "the message cannot be replaced"
    RMSGQFUL = 0x14, "the message queue is full"
    RINVSERTYP = 0x15, "the service type is invalid"
    RINVNUMDESTS = 0x33, "the number of destinations is invalid"
    RINVDLNAME = 0x34, "the name of the distribution list is invalid"
    RINVDESTFLAG = 0x40, "the destination flag is invalid"
    RINVSUBREP = 0x42, "submitting with replacement is not possible"
    RINVESMCLASS = 0x43, "the esm_class is invalid"
    RCNTSUBDL = 0x44, "cannot submit to the distribution list"
    RSUBMITFAIL = 0x45, "the message was not taken"
    RINVSRCTON = 0x48, "the source's type of number is invalid"
    RINVSRCNPI = 0x49, "the source's numbering plan is invalid"
    RINVDSTTON = 0x50, "the destination's type of number is invalid"
    RINVDSTNPI = 0x51, "the destination's numbering plan is invalid"
    RINVSYSTYP = 0x53, "the system type is invalid"
    RINVREPFLAG = 0x54, "the replace-if-present flag is invalid"
    RINVNUMMSGS = 0x55, "the number of messages is invalid"
    RTHROTTLED = 0x58, "more messages than the account may send at this time"
    RINVSCHED = 0x61, "the scheduled delivery time is invalid"
    RINVEXPIRY = 0x62, "the validity period is invalid"
    RINVDFTMSGID = 0x63, "the predefined message is unknown"
    RX_T_APPN = 0x64, "the receiver failed for now"
    RX_P_APPN = 0x65, "the receiver failed for good"
    RX_R_APPN = 0x66, "the receiver rejects the message"
    RQUERYFAIL = 0x67, "the query failed"
    RINVOPTPARSTREAM = 0xC0, "the optional parameters cannot be read"
    ROPTPARNOTALLWD = 0xC1, "an optional parameter is not allowed here"
    RINVPARLEN = 0xC2, "the length of an optional parameter is invalid"
    RMISSINGOPTPARAM = 0xC3, "an optional parameter is missing"
    RINVOPTPARAMVAL = 0xC4, "the value of an optional parameter is invalid"
    RDELIVERYFAILURE = 0xFE, "the message was not delivered"
    RUNKNOWNERR = 0xFF, "unknown error"


TEMPORARY = frozenset({Status.RMSGQFUL, Status.RTHROTTLED, Status.RX_T_APPN, Status.RSYSERR})
"""After one of these the same request may succeed later; any other refusal is for good. Kannel divides them so too."""

_KNOWN = {int(status): status for status in Status}


def status_name(status: int) -> str:
    """The specification's name, or the number of a vendor's own status."""
    known = _KNOWN.get(status)
    return f"{status:#010x}" if known is None else f"ESME_{known.name}"


class LocalProtocolError(Exception):
    """We asked for what the protocol forbids: a bug of ours, and nothing was sent."""


class RemoteProtocolError(Exception):
    """The peer sent what the protocol forbids.

    `status` is the command_status to answer with, `answer` that answer's octets (empty where none may be sent),
    `fatal` says that the stream cannot be read any further.
    """

    def __init__(self, sentence: str, *, status: Status, answer: bytes = b"", fatal: bool = False) -> None:
        super().__init__(sentence)
        self.status = status
        self.answer = answer
        self.fatal = fatal


class BadField(ValueError):
    """A field that cannot be read; `status` tells the peer which."""

    def __init__(self, sentence: str, status: Status) -> None:
        super().__init__(sentence)
        self.status = status
