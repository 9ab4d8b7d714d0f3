"""Writes docs/reference/smpp.md from the codec's own tables: `python docs/make_smpp.py`."""  # noqa: INP001 - a script, not a package

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from mobile_gateway.smpp_limits import Limits
from mobile_gateway.smsc.submitting import SUBMISSION_KEY
from mobile_gateway.wire.data_coding import DATA_CODINGS
from mobile_gateway.wire.gsm import Coding
from mobile_gateway.wire.smpp import PDU_OCTETS_MAX, TEMPORARY, Command, Role, State, Status, describe
from mobile_gateway.wire.smpp.codec import Row
from mobile_gateway.wire.smpp.states import LEGAL, TRANSITIONS
from mobile_gateway.wire.smpp.tlvs import KNOWN
from mobile_gateway.wire.smpp.values import RESPONSE

TARGET = Path(__file__).parent / "reference" / "smpp.md"

HEAD = """\
# SMPP 3.4

Cyberticket speaks SMPP 3.4 on both sides of the wire: as the message centre (SMSC) of its emulated network, and as a
client (ESME) of that network or of an operator's. Both are one codec and one session,
`mobile_gateway/wire/smpp`, which know neither sockets nor a clock ([0013](../decisions/0013-smpp-of-our-own.md)). How
to use the one: [run the carrier network](../how-to/run-the-carrier-network.md). How to use the other: [connect a real
operator](../how-to/connect-a-real-operator.md).

This page is made by `python docs/make_smpp.py` from the tables that the codec works with; a test fails when it is
stale.
"""

RULES = f"""\
## Sessions

Peers of version 3.3 may bind too: they are sent no optional parameters in the answer to their bind. A password has at
most 8 characters, a system id 15. Several sessions of one account share what the account is owed.

{{diagram}}

What one side sends in a state where it may not is answered with ESME_RINVBNDSTS, a second bind with ESME_RALYBND, and
the session goes on.

{{legal}}

**A window** bounds what waits for an answer: {Limits().window} `deliver_sm` of the message centre on each session
(`CYBERTICKET_GATEWAY_SMPP_WINDOW_MAX`). Answers may come in any order. A peer that sends faster than it is answered is
read more slowly; one that leaves more than 1,000 requests open is answered ESME_RTHROTTLED.

**Timers** of the message centre, all of them [settings](settings.md#the-mobile-gateway):

| what | seconds |
|---|---|
| a connection that has not bound is closed after | {Limits().timers.session_init_seconds:.0f} |
| `enquire_link` is sent after a silence of | {Limits().timers.enquire_link_seconds:.0f} |
| a session ends after a silence of | {Limits().timers.inactivity_seconds:.0f} |
| a request is answered within; what it told is then due again | {Limits().timers.response_seconds:.0f} |

A peer that leaves our octets unread for {Limits().stuck_seconds:.0f} s is dropped.

**How many.** `CYBERTICKET_GATEWAY_SMPP_CONNECTIONS_MAX` connections ({Limits().connections_max}), of which
{Limits().unbound_max} may be without a bind: the oldest of those makes room. `CYBERTICKET_GATEWAY_SMPP_BINDS_MAX`
sessions of one account ({Limits().binds_max}).

**Outbind.** An account named in `CYBERTICKET_GATEWAY_SMPP_OUTBINDS` that is owed something and has no receiving session
is called at its own server and asked to bind, again after {", ".join(map(str, Limits().outbind_retry_seconds))} s.

**Octets that are no SMPP.** A `command_length` below 16 or above {PDU_OCTETS_MAX:,} is judged as soon as its four
octets are there: `generic_nack` with ESME_RINVCMDLEN, and the connection is closed, since nothing after it can be read.
An unknown command gets `generic_nack` with ESME_RINVCMDID under its own number, and the session goes on. A known
request with a broken body gets its own response with the status of the field below. Responses and `generic_nack` are
never answered.

## Messages

**Text.** `data_coding` says what the octets are; data_coding 0 is GSM 03.38 with one septet in each octet, as peers do
by custom.

{{codings}}

0x10 to 0x7F and 0xF0 to 0xFF are read as GSM 03.38 section 4 says: 0x18 and 0xF0 are shown at once, 0xF4 to 0xF7 are
binary, 0xC0 to 0xEF say that something waits. Other codings are carried unread.

**Longer than one short message.** Three ways, all of which reach the phone as parts with a user data header: a header
in the message itself (`esm_class` 0x40), the three `sar_` parameters, or `message_payload`, which the network cuts into
40 parts at the most. Where there is a header and `sar_` parameters, the header counts. `source_port` and
`destination_port` become a header too.

**Times.** Absolute or relative, 16 characters. A relative validity period counts from the submission. A message is
scheduled at most 30 days ahead.

**Receipts** are `deliver_sm` with `esm_class` 0x04 (0x20 where the first attempt failed and others follow), the
addresses swapped. They carry `receipted_message_id` and `message_state`, `network_error_code` (GSM) where there was an
error, and the text of appendix B in its order, with times in UTC:

```text
id:m019d2f… sub:001 dlvrd:001 submit date:2611220915 done date:2611220915 stat:DELIVRD err:000 text:Haneul Arts Theatre
```

`err` is 001 for no such subscriber, 013 barred, 027 out of reach, 032 memory full, 034 lost on the radio link, 036 the
handset failed. Receipts are stored, sent half a second after the end of a message at the soonest
(`CYBERTICKET_GATEWAY_RECEIPT_DELAY_SECONDS`), and sent again for a week while nobody answers ESME_ROK; ESME_RX_T_APPN,
ESME_RSYSERR, ESME_RMSGQFUL and ESME_RTHROTTLED mean later, any other status gives them up. They go to any receiving
session of the account. Message ids stay unique when somebody capitalises them or strips leading zeros.

**Alerts.** A message with `set_dpf` 1 whose handset could not be reached has its sender told by `alert_notification`,
once, when the handset is back.

**Sending a message twice.** A `submit_sm` whose answer was lost may be sent again with the optional parameter
{SUBMISSION_KEY:#06x}, up to 255 octets that name the message. This message centre carries one message for each key of
an account and answers the id of the first, or ESME_RSUBMITFAIL where the content differs. Any other message centre
ignores the parameter, as section 3.3 demands, and may deliver twice ([0015](../decisions/0015-keys-across-smpp.md)).

## What is different from the specification

- **Transaction mode** (`esm_class` mode 2) is refused with ESME_RINVESMCLASS: this network stores and forwards.
  Datagram mode is taken, and stored all the same.
- **Distribution lists** are unknown: a `submit_multi` that names one reports ESME_RINVDLNAME for it. Predefined
  messages are unknown: `sm_default_msg_id` other than 0 is ESME_RINVDFTMSGID.
- **`submit_multi`** has one message id for all destinations; receipts name that id, each from its own handset.
- **`data_sm`** is taken from clients. What the network tells them goes as `deliver_sm`.
- **Type of number** decides how an address is read only where it is international; else `+8210…`, `8210…`, `008210…`
  and the national `010…` are the same number.
- **What is not told apart:** system type and address range are read and not used; the protocol id is kept and not
  acted on; service types matter to `cancel_sm` and `replace_if_present_flag` only.
- **TLS** is not spoken by the emulated message centre; the client does where the address says `tls=yes`.
"""

WHEN: Mapping[Status, str] = {
    Status.RINVMSGLEN: "`sm_length` is over 254 or past the end; or the message needs more parts than a phone holds",
    Status.RINVCMDLEN: "the length cannot be, or the body ends too early",
    Status.RINVCMDID: "the command is not known, or is none for a message centre",
    Status.RINVBNDSTS: "not allowed in this state",
    Status.RALYBND: "a bind on a session that is bound",
    Status.RINVPRTFLG: "a priority above 3",
    Status.RINVREGDLVFLG: "reserved bits in `registered_delivery`",
    Status.RSYSERR: "the disk did not take it; nothing was kept",
    Status.RINVSRCADR: "the source address cannot be read; or it is missing where a message is to be found by it",
    Status.RINVDSTADR: "no telephone number",
    Status.RINVMSGID: "this account has no such message from this source address",
    Status.RBINDFAIL: "the account has as many sessions as it may (`CYBERTICKET_GATEWAY_SMPP_BINDS_MAX`)",
    Status.RINVPASWD: "another password",
    Status.RINVSYSID: "no such account",
    Status.RCANCELFAIL: "the message came to its end before; or nothing matches",
    Status.RREPLACEFAIL: "the message came to its end before",
    Status.RMSGQFUL: "the account has as many messages waiting as it may (`CYBERTICKET_GATEWAY_QUEUE_MAX`)",
    Status.RINVSERTYP: "the service type cannot be read",
    Status.RINVNUMDESTS: "no destination, or more than 254",
    Status.RINVDLNAME: "a distribution list: none is known",
    Status.RINVDESTFLAG: "a destination is neither an address nor a list",
    Status.RINVESMCLASS: "transaction mode, or a message type that clients do not send",
    Status.RSUBMITFAIL: f"the key ({SUBMISSION_KEY:#06x}) names another message",
    Status.RINVSYSTYP: "the system type cannot be read",
    Status.RINVREPFLAG: "`replace_if_present_flag` above 1",
    Status.RTHROTTLED: "faster than the account may, or 1,000 requests wait for an answer already",
    Status.RINVSCHED: "the scheduled time is none",
    Status.RINVEXPIRY: "the validity period is none, over before it begins, or schedules more than 30 days ahead",
    Status.RINVDFTMSGID: "predefined messages are unknown here",
    Status.RINVOPTPARSTREAM: "an optional parameter runs past the end",
    Status.ROPTPARNOTALLWD: "`message_payload` beside a `short_message`",
    Status.RINVPARLEN: "an optional parameter of the wrong length",
    Status.RINVOPTPARAMVAL: "`sar_` parameters that contradict each other; an empty or endless key",
}
"""Every status our message centre answers with, and when."""

USED: Mapping[str, str] = {
    "receipted_message_id": "receipts: which message",
    "source_port": "becomes a user data header",
    "destination_port": "becomes a user data header",
    "sar_msg_ref_num": "becomes a user data header",
    "sar_total_segments": "becomes a user data header",
    "sar_segment_seqnum": "becomes a user data header",
    "sc_interface_version": "in the answer to a bind: 0x34",
    "set_dpf": "1: an alert when an unreachable handset is back",
    "ms_availability_status": "alerts: 0, available",
    "message_payload": "the message, where `short_message` is empty",
    "message_state": "receipts: how it stands",
    "network_error_code": "receipts: network 3 (GSM) and the error",
    "qos_time_to_live": "the validity of a `data_sm`, in seconds",
}
"""What the message centre does with a parameter; it reads and passes over all others."""

CODING_WORDS: Mapping[Coding, str] = {
    Coding.GSM: "GSM 03.38 with its extension table",
    Coding.ASCII: "ASCII",
    Coding.LATIN1: "ISO 8859-1",
    Coding.BINARY: "octets (2 as well)",
    Coding.UCS2: "UCS-2, with surrogate pairs",
    Coding.KSC: "KS C 5601 as EUC-KR: what Korean CDMA phones of 2000 had",
}


def page() -> str:
    """The whole text of docs/reference/smpp.md."""
    rules = RULES.format(diagram=_diagram(), legal=_legal(), codings=_codings())
    return "\n".join([HEAD, rules, *_statuses(), "", *_parameters(), "", *_pdus()]) + "\n"


def _diagram() -> str:
    """The session's states; each pair of states has one arrow."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> open"]
    for state, moves in TRANSITIONS.items():
        for move, after in moves.items():
            lines.append(f"    {state.value} --> {after.value}: {move.value}")
    return "\n".join([*lines, "```"])


def _legal() -> str:
    """Which side sends each request in which states."""
    lines = ["| request | the client sends it in | the message centre sends it in |", "|---|---|---|"]
    for command, senders in LEGAL.items():
        name = Command(command).name.lower()
        lines.append(f"| `{name}` | {_states(senders.get(Role.ESME))} | {_states(senders.get(Role.SMSC))} |")
    return "\n".join(lines)


def _states(states: frozenset[State] | None) -> str:
    return ", ".join(state.value for state in State if state in states) if states else "never"


def _codings() -> str:
    rows = [f"| {code:#04x} | {CODING_WORDS[coding]} |" for coding, code in DATA_CODINGS.items()]
    return "\n".join(["| data_coding | the octets are |", "|---|---|", *rows])


def _statuses() -> Iterator[str]:
    yield "## What the message centre answers"
    yield ""
    yield "*Later* marks what may succeed when it is sent again; our client, like Kannel, takes all others for good."
    yield ""
    yield "| command_status | | when | |"
    yield "|---|---|---|---|"
    for status in sorted(WHEN):
        later = "later" if status in TEMPORARY else ""
        yield f"| {status:#04x} | ESME_{status.name} | {WHEN[status]} | {later} |"


def _parameters() -> Iterator[str]:
    yield "## Optional parameters"
    yield ""
    yield "Known ones are checked for their length; unknown ones are kept by the codec and never an error."
    yield ""
    yield "| tag | name | on the wire | what the message centre does with it |"
    yield "|---|---|---|---|"
    for tag, known in sorted(KNOWN.items()):
        yield f"| {tag:#06x} | `{known.name}` | {known.notation} | {USED.get(known.name, '')} |"
    yield f"| {SUBMISSION_KEY:#06x} | ours | octets, 1 to 255 | carries a message of this key once |"


def _pdus() -> Iterator[str]:
    yield "## PDUs"
    yield ""
    yield "Sizes are octets; those of strings include the NUL. *If broken* is the status of a field that cannot be read"
    yield "(ESME_RINVCMDLEN where nothing stands). Optional parameters may follow any PDU. A response with an error has"
    yield "no body; one without a body is always understood."
    for rows, names in _layouts().items():
        yield ""
        if not rows[0][0]:
            yield "### Without fields"
            yield ""
            yield from (f"- {name}" for name in names)
            continue
        yield "### " + ", ".join(names)
        yield ""
        yield "| field | on the wire | if broken |"
        yield "|---|---|---|"
        for field, notation, fault in rows:
            yield f"| `{field}` | {notation} | {f'ESME_{fault}' if fault not in {'', 'RINVCMDLEN'} else ''} |"


def _layouts() -> dict[tuple[tuple[str, str, str], ...], list[str]]:
    """The fields of each PDU with the names of all that have the same; requests before responses."""
    found: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    for (name, command), rows in groupby(describe(), key=_name_and_id):
        # Fields that a response leaves empty matter to its reader all the same.
        fields = tuple((row.field, row.notation, "" if command & RESPONSE else row.fault) for row in rows)
        found.setdefault(fields, []).append(f"{name} ({command:#x})")
    return found


def _name_and_id(row: Row) -> tuple[str, int]:
    return row.pdu, row.command_id


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
