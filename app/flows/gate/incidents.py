"""Incidents at gates in words, and what staff look at: incidents, who is inside, and the scans that were refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.refusals import BadLine
from app.flows.staff import Member
from app.store import incidents, register_gate
from app.store.tables.register import IncidentKind
from app.world import World

WORDS: Mapping[IncidentKind, tuple[str, str]] = {
    IncidentKind.DOUBLE_ADMISSION: (
        "{gate}: 네트워크 없이 입장시킨 {beyond}명이 표의 남은 횟수를 넘었습니다. 게이트와 시각: {where}.",
        "{gate} let in {beyond} more than the ticket had uses for, without network. Gates and times: {where}.",
    ),
    IncidentKind.REVOKED_ADMITTED: (
        "{gate}: 취소되었거나 정지된 표로 입장했습니다. 좌석이 다시 팔렸는지 확인하십시오.",
        "{gate} let in somebody with a ticket that is revoked or suspended. See whether its seat was sold again.",
    ),
    IncidentKind.OVERSPENT: (
        "{gate}: 잔액보다 {missing} 더 결제했습니다(최소 화폐 단위).",
        "{gate} redeemed {missing} minor units more than the voucher had.",
    ),
    IncidentKind.UNKNOWN_ADMITTED: (
        "{gate}: 발행처가 모르거나 이 게이트의 것이 아닌 표로 입장했습니다. 게이트 담당자에게 확인하십시오.",
        "{gate} let in somebody with a ticket that is not ours, or not for this gate. Ask who stood there.",
    ),
    IncidentKind.LOG_FORKED: (
        "{gate}: 게이트의 기록이 앞뒤가 맞지 않아 더 받지 않습니다. 기기를 보관하고 게이트를 다시 초대하십시오.",
        "{gate} told two stories of its log, and no more of it is taken. Keep the device and invite the gate again.",
    ),
    IncidentKind.PIN_GUESSING: (
        "{gate}: 틀린 비밀번호가 너무 많습니다. 담당자를 보내 확인하십시오.",
        "{gate} had too many wrong PINs. Send somebody to look.",
    ),
    IncidentKind.AFTER_SHUT_OUT: (
        "{gate}: 차단된 뒤의 기록을 가져왔습니다. 표는 사용되지 않았습니다. 도난된 기기인지 확인하십시오.",
        "{gate} brought what it did after it was shut out. No ticket was used. See whether the device was stolen.",
    ),
    IncidentKind.BROUGHT_LATE: (
        "{gate}: 하루보다 오래된 기록 {entries}건을 가져왔고, 모두 반영되었습니다. 기기와 그 시계를 확인하십시오.",
        "{gate} brought {entries} entries more than a day old. They count. Look at its clock, and ask where it was.",
    ),
    IncidentKind.UNDONE_LATE: (
        "{gate}: 되돌리기가 너무 늦어 반영하지 않았습니다. 표는 사용된 상태입니다. 게이트 담당자에게 확인하십시오.",
        "{gate} brought an undo that came too late. Nothing was taken back. Ask who stood there.",
    ),
}


def in_words(kind: str, details: Mapping[str, Any]) -> dict[str, str]:
    """An incident as a person reads it, in Korean and English; a double admission with its gates and times."""
    people = details.get("admissions", [])
    scans = Counter(f"{one['gate']} {one['at'][:19]}Z" for one in people)
    where = ", ".join(scan if many == 1 else f"{scan} ({many})" for scan, many in scans.items())
    known = {name: details.get(name, 0) for name in ("beyond", "missing", "entries")}
    known["gate"] = details.get("gate", "")
    korean, english = WORDS[IncidentKind(kind)]
    return {"ko": korean.format(**known, where=where), "en": english.format(**known, where=where)}


async def listing(
    world: World, member: Member, *, kind: IncidentKind | None, after: UUID | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Incidents that this member may see, the latest first."""
    async with world.database.statements() as tx:
        return await incidents.listing(
            tx, issuer_id=member.issuer_id, kind=kind.value if kind else None, after=after, limit=limit
        )


async def occupancy(world: World, issuer: sa.Row[Any]) -> dict[str, int]:
    """How many people are inside, by area."""
    async with world.database.statements() as tx:
        return await register_gate.occupancy(tx, issuer.id, now=world.clock.now())


async def refused(
    world: World, issuer: sa.Row[Any], *, gate_id: UUID | None, before: Sequence[str] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Scans of the issuer's gates that were refused, the latest first; raises BadLine for a place that is none."""
    try:
        place = None if before is None else (datetime.fromisoformat(before[0]), UUID(before[1]), before[2])
    except ValueError:
        raise BadLine("This `after` is not one of ours; start without one.") from None
    async with world.database.statements() as tx:
        return await incidents.refused(tx, issuer_id=issuer.id, gate_id=gate_id, before=place, limit=limit)
