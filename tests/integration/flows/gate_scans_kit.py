"""Devices that decide alone and bring their logs; tickets of any uses; and the register as one comparable value."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from builders import KEYS, Shop, Stage
from cryptography.hazmat.primitives.asymmetric import ec

from app.domain import damm, gate_log
from app.domain.admission import Reason
from app.domain.entry_rules import Face
from app.domain.gate import Place
from app.domain.gate_log import Deed, Entry, Linked
from app.domain.ticket import Kind
from app.flows.gate import admit, gates
from app.flows.gate import scans as gate_scans
from app.flows.gate import tokens as gate_tokens
from app.flows.gate.scans import Brought
from app.keys import public_jwk
from app.pins import pin_of
from app.ports import Registration
from app.store import register
from app.store.tables.register import ScanKind

KEY = ec.derive_private_key(7, ec.SECP256R1())
"""One key for all devices of a test: which of them it is, their tokens say."""
DAY = timedelta(days=1)
_names = itertools.count(1)


@dataclass
class Device:
    """A gate with a key of its own and the log that it writes while it is alone."""

    stage: Stage
    enrolled: gate_tokens.Enrolled
    prefix: str
    knew: int = 0
    lines: list[Linked] = field(default_factory=list)

    @property
    def caller(self) -> gate_tokens.GateCaller:
        return self.enrolled.caller

    @property
    def id(self) -> UUID:
        return self.enrolled.gate_id

    @property
    def first(self) -> bytes:
        return gate_log.beginning(gate_id=self.id, generation=self.caller.generation)

    def says(self, intent: Deed, reason: Reason, code: int | None = None, **more: Any) -> str:
        """Write an entry; its scan's name."""
        seq = len(self.lines) + 1
        scan_id = more.pop("scan_id", f"{self.prefix}-{seq}")
        at = more.pop("at", self.stage.clock.now())
        knew = more.pop("knew", self.knew)
        entry = Entry(seq, scan_id, at, intent, reason, knew, Face.SIGNED, code, **more)
        self.lines.append(gate_log.link(self.lines[-1].digest if self.lines else self.first, entry))
        return str(scan_id)

    def lets_in(self, code: int, count: int = 1, **more: Any) -> str:
        return self.says(Deed.ENTER, Reason.ADMITTED, code, count=count, **more)

    def lets_out(self, code: int, count: int = 1) -> str:
        return self.says(Deed.LEAVE, Reason.LEFT, code, count=count)

    def redeems(self, code: int, amount: int) -> str:
        return self.says(Deed.REDEEM, Reason.REDEEMED, code, amount=amount)

    def takes_back(self, scan_id: str) -> str:
        return self.says(Deed.UNDO, Reason.UNDONE, undoes=scan_id)

    async def brings(self, lines: Iterable[Linked] | None = None, *, at: Stage | None = None) -> Brought:
        """Bring these lines of the log, or all, to this process of the server or another."""
        told = [line.told() for line in (self.lines if lines is None else lines)]
        return await gate_scans.bring((at or self.stage).world, self.caller, told)


async def a_device(stage: Stage, shop: Shop, name: str | None = None, **place: Any) -> Device:
    """An enrolled gate with a key."""
    number = next(_names)
    invitation = await gates.invite(
        stage.world, issuer_id=shop.issuer, name=name or f"device {number}", place=Place(**place)
    )
    enrolled = await gate_tokens.enrol(stage.world, invitation.code, key=public_jwk(KEY.public_key()))
    return Device(stage, enrolled, f"d{number}")


def number_of(code: int) -> str:
    digits = f"{code:09}"
    return f"{digits}{damm.check_digit(digits)}"


def ticket_of(code: int) -> UUID:
    return UUID(int=code)


async def tickets(
    stage: Stage, shop: Shop, uses: Sequence[int] = (1,), *, balance: int | None = None, first: int = 100
) -> list[int]:
    """The codes of new entries of the register, one for each of `uses`."""
    now = stage.clock.now()
    codes = list(range(first, first + len(uses)))
    entries = [
        Registration(
            ticket_id=ticket_of(code),
            issuer_id=shop.issuer,
            number=number_of(code),
            code=code,
            generation=0,
            kid=KEYS.kid,
            kind=Kind.ADMISSION if balance is None else Kind.VOUCHER,
            product_id=shop.products["play"],
            occasion_id=shop.occasions["play/mon"],
            occasion_code=1,
            label={"title": {"ko": "연극", "en": "Play"}},
            uses=times,
            balance=balance,
            valid_from=now - DAY,
            valid_until=now + DAY,
        )
        for code, times in zip(codes, uses, strict=True)
    ]
    async with stage.database.transaction() as tx:
        await register.register(tx, entries, now=now)
    return codes


async def asked(
    stage: Stage, device: Device, code: int, scan_id: str, *, kind: ScanKind = ScanKind.ADMISSION, **more: Any
) -> dict[str, Any]:
    """What the register answers when the gate asks with number and PIN."""
    pin = pin_of(KEYS, issuer_id=device.caller.issuer_id, identity=ticket_of(code), kid=KEYS.kid, generation=0)
    text = f"{number_of(code)} {pin.reveal()}"
    return await admit.present(stage.world, gate=device.caller, scan_id=scan_id, kind=kind, text=text, **more)


DUMP = {
    "credential": "SELECT ticket_id, uses_left, inside, area, balance, activated_until, last_used_at, last_gate_id"
    " FROM credential ORDER BY ticket_id",
    "admission": "SELECT gate_id, scan_id, person, ticket_id, use_no, at, knew FROM admission"
    " ORDER BY ticket_id, use_no NULLS LAST, gate_id, scan_id, person",
    "spend": "SELECT key, ticket_id, amount, reverses FROM spend ORDER BY key",
    "incident": "SELECT kind, gate_id, scan_id, ticket_id, details, at FROM incident ORDER BY kind, gate_id, scan_id",
    "scan": "SELECT gate_id, scan_id, kind, ticket_id, reason, answer, at, undone_by FROM scan"
    " ORDER BY gate_id, scan_id",
    "log": "SELECT gate_id, generation, seq, entry, digest FROM gate_log ORDER BY gate_id, generation, seq",
}


async def everything(stage: Stage) -> dict[str, list[tuple[Any, ...]]]:
    """The register, the people, the money and the incidents: equal where the same came to be."""
    return {name: [tuple(row) for row in await stage.sql(query)] for name, query in DUMP.items()}


async def forget(stage: Stage) -> None:
    """As before anything was shown to a gate: the entries stay."""
    async with stage.database.transaction() as tx:
        await tx.execute("SET LOCAL session_replication_role = replica")
        for table in ("admission", "scan", "spend", "incident", "gate_log", "pin_guard"):
            await tx.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
        await tx.execute(
            "UPDATE credential SET uses_left = uses, inside = 0, area = '', activated_until = NULL,"
            " last_used_at = NULL, last_gate_id = NULL, balance = CASE WHEN balance IS NOT NULL THEN 1000 END"
        )


async def breaches(stage: Stage) -> list[tuple[Any, ...]]:
    """What the audit has to say of admissions."""
    found = await stage.sql("SELECT subject, problem FROM audit.i5_admissions_within_uses")
    found += await stage.sql("SELECT subject, problem FROM audit.i9_acknowledged_survives WHERE subject LIKE 'scan %'")
    return [tuple(row) for row in found]
