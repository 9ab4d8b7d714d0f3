"""What a catalogue file says about a product's use at the gate: its `entry` block, its passes, and until when it may
change hands.
"""

from __future__ import annotations

from app.domain.catalogue import ENTRANCE_CHARS_MAX, TRANSFER_MINUTES_MAX, USES_MAX, ProductDraft
from app.domain.entry_rules import (
    AMOUNT_MAX,
    PASS_BACK_SECONDS_MAX,
    UNLIMITED_USES,
    WINDOW_MINUTES_MAX,
    EntryRules,
    Faces,
    Offline,
)
from app.domain.money import Money, parse_amount
from app.importers.moments import FROM_START
from app.importers.yaml_nodes import Block

ENTRY_KEYS = "faces retires_static reentry pass_back_seconds window_minutes group offline offline_floor"
UNLIMITED = "unlimited"
HOURS_A_DAY, MINUTES_AN_HOUR = 24, 60
AMOUNT_CHARS_MAX = 40
TO_PEOPLE = ("reentry", "window_minutes", "group")
"""Rules about people who go in and out; a voucher lets nobody in."""


def read_entry(product: Block, *, currency: str) -> EntryRules:
    """The product's `entry` block; what it leaves out is as `EntryRules` has it."""
    node = product.values.get("entry")
    if node is None:
        return EntryRules()
    block = Block.of(product.file, product.faults, f"{product.at}.entry", node=node, keys=ENTRY_KEYS)
    return EntryRules(
        faces=Faces(block.choice("faces", tuple(Faces), default=Faces.ANY)),
        retires_static=block.truth("retires_static"),
        reentry=block.truth("reentry"),
        pass_back_seconds=block.count("pass_back_seconds", default=0, least=0, most=PASS_BACK_SECONDS_MAX) or 0,
        window_minutes=block.count("window_minutes", default=None, most=WINDOW_MINUTES_MAX),
        group=block.truth("group"),
        offline=Offline(block.choice("offline", tuple(Offline), default=Offline.OPTIMISTIC)),
        offline_floor=_floor(block, currency),
    )


def _floor(block: Block, currency: str) -> int:
    if not block.has("offline_floor"):
        return 0
    amount = read_amount(block, "offline_floor", currency)
    if amount is not None and amount.amount > AMOUNT_MAX:
        block.fault("offline_floor", f"is more than a gate may give away alone; at most {AMOUNT_MAX:,} minor units")
        return 0
    return amount.amount if amount else 0


def read_amount(block: Block, key: str, currency: str) -> Money | None:
    """An amount in the issuer's currency; None after a fault was told."""
    text = block.text(key, wanted="an amount such as 45000")
    if not text:
        return None
    try:
        return parse_amount(text[:AMOUNT_CHARS_MAX], currency)
    except ValueError as why:
        block.fault(key, str(why))
        return None


def read_uses(block: Block) -> int:
    """How often one ticket lets in; `unlimited` is a pass, whose time runs out and not its uses."""
    if block.has("uses") and block.text("uses", wanted="a whole number, or unlimited") == UNLIMITED:
        return UNLIMITED_USES
    return block.count("uses", default=1, most=USES_MAX) or 1


def read_entrance(price: Block) -> str:
    return price.optional_text("entrance", chars_max=ENTRANCE_CHARS_MAX) or ""


def read_transfer_until(block: Block) -> int | None:
    """How many minutes before the start a ticket stops changing hands; None where the file does not say."""
    if not block.has("transfer_until"):
        return None
    text = block.text("transfer_until", wanted="such as start-2h")
    match = FROM_START.fullmatch(text)
    if match is None or match[1] == "+" or text == "start-":
        block.fault(
            "transfer_until", f'"{text[:40]}" is not counted back from the start; write such as start-2h, or start'
        )
        return None
    days, hours, minutes = (int(part or 0) for part in match.groups()[1:])
    found = (days * HOURS_A_DAY + hours) * MINUTES_AN_HOUR + minutes
    if found > TRANSFER_MINUTES_MAX:
        block.fault("transfer_until", f'"{text[:40]}" is more than a year before the start; leave it out')
        return None
    return found


def check_entry(block: Block, draft: ProductDraft) -> None:
    """What of the entry contradicts the rest of the product, which was read without a fault."""
    node = block.values.get("entry")
    if node is not None:
        _check_rules(Block.of(block.file, block.faults, f"{block.at}.entry", node=node), draft)
    if draft.uses == UNLIMITED_USES and draft.entry.window_minutes is None and draft.valid_days is None:
        block.fault("uses", "unlimited needs an end; write valid_days, or entry: {window_minutes: 1440}")
    if draft.transfer_minutes_before is not None:
        _check_transfer(block, draft)


def _check_rules(entry: Block, draft: ProductDraft) -> None:
    if draft.kind == "voucher":
        for key in (key for key in TO_PEOPLE if entry.has(key)):
            entry.fault(key, "is for tickets that let people in, and a voucher is spent; leave it out")
        if draft.entry.offline is Offline.HOME:
            entry.fault("offline", "cannot be home for a voucher, which has no entrance; write optimistic, or deny")
        return
    if entry.has("offline_floor"):
        entry.fault("offline_floor", "is for vouchers; leave it out")
    if draft.entry.group and not 1 < draft.uses < UNLIMITED_USES:
        entry.fault("group", "is for a ticket that several people share; write how many as its uses, such as uses: 10")
    prices = [*draft.prices, *(price for occasion in draft.occasions for price in occasion.prices)]
    if draft.entry.offline is Offline.HOME and not all(price.entrance for price in prices):
        entry.fault("offline", "home needs the entrance of every price: no other gate lets its tickets in, ever")


def _check_transfer(block: Block, draft: ProductDraft) -> None:
    if draft.transfer == "never":
        block.fault("transfer_until", "is for tickets that may change hands, and transfer is never; leave one out")
    if not draft.occasions or any(occasion.starts_at is None for occasion in draft.occasions):
        block.fault("transfer_until", "counts from a start that not every ticket of this product has; leave it out")
