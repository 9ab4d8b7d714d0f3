"""How tickets speak: dates, seats and the messages a handset gets, in Korean and English, as short as they must be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.domain.gift import Hand

LANGUAGES = ("ko", "en")
KOREAN_DAYS = "월화수목금토일"
ENGLISH_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def said(text: Mapping[str, str] | None, language: str) -> str:
    """The words in the asked language, else in English, else in whichever there is."""
    if not text:
        return ""
    return text.get(language) or text.get("en") or next(iter(text.values()))


def moment(at: datetime, timezone: str, language: str) -> str:
    """11월 22일 (일) 19:30, or Sun 22 Nov 19:30, in the issuer's time zone."""
    local = at.astimezone(ZoneInfo(timezone))
    if language == "ko":
        return f"{local.month}월 {local.day}일 ({KOREAN_DAYS[local.weekday()]}) {local:%H:%M}"
    return f"{ENGLISH_DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local:%H:%M}"


def day(at: datetime, timezone: str, language: str) -> str:
    """2031년 11월 21일, or 21 Nov 2031: for ends that may be years away."""
    local = at.astimezone(ZoneInfo(timezone))
    if language == "ko":
        return f"{local.year}년 {local.month}월 {local.day}일"
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


def seat_words(section: str | None, row: str | None, seat: str | None, language: str) -> str:
    """1층 A열 12번, or Stalls A-12; standing places have only a section."""
    parts = [section or ""]
    if row and seat:
        parts.append(f"{row}열 {seat}번" if language == "ko" else f"row {row} seat {seat}")
    elif seat:
        parts.append(f"{seat}번" if language == "ko" else f"seat {seat}")
    return " ".join(part for part in parts if part)


def shortened(text: str, width: int) -> str:
    """At most `width` characters, two or more; what does not fit ends in two dots, which every alphabet has."""
    return text if len(text) <= width else text[: max(width - 2, 0)].rstrip() + ".."


@dataclass(frozen=True, slots=True)
class Slip:
    """What a ticket message says; `pin` and `link` are secrets of the holder.

    An empty `pin` is of a ticket that only the holder's app shows. The `span` is told where it costs no message more.
    """

    title: str
    when: str
    where: str
    seat: str
    number: str
    pin: str
    link: str
    span: str = ""
    """How long it is good from its first use on; empty where its time does not hang on that."""
    lead: str = ""
    """What stands above it: from whom it is, or why it is new; empty for a ticket that was bought for its handset."""

    def __repr__(self) -> str:
        return f"Slip({self.number!r}, ***)"


Parts = Callable[[str], int]
"""How many messages the network needs for a text."""

TITLE_WIDTHS = (60, 40, 28, 20)


def ticket_message(slip: Slip, language: str, parts: Parts) -> str:
    """The text of a ticket's message: the fullest form that fits one message, else the fullest of all.

    Korean does not fit one 70-character message with its link; there it is the fullest form that needs the fewest.
    """
    forms = (
        _ticket_form(slip, language, width, where, span)
        for span in dict.fromkeys((slip.span, ""))
        for where in (slip.where, "")
        for width in TITLE_WIDTHS
    )
    best, fewest = "", math.inf
    for form in dict.fromkeys(forms):  # a short title is the same at every width
        if (needed := parts(form)) < fewest:
            best, fewest = form, needed
        if fewest == 1:
            break
    return best


def _ticket_form(slip: Slip, language: str, width: int, where: str, span: str) -> str:
    number = f"번호 {slip.number}" if language == "ko" else f"No {slip.number}"
    if slip.pin:
        keys = [f"{number} PIN {slip.pin}"]
    else:
        keys = [number, "앱에서 보여 주십시오." if language == "ko" else "Show it in the app:"]
    title = shortened(slip.title, width)
    lines = [slip.lead, title, slip.when, span, shortened(where, width), slip.seat, *keys, slip.link]
    return "\n".join(line for line in lines if line)


LEADS: Mapping[Hand, tuple[str, str]] = {
    Hand.SOLD: ("", ""),
    Hand.GIVEN: ("{other} 님의 선물", "A gift from {other}"),
    Hand.OFFERED: ("{other} 님의 선물", "A gift from {other}"),
    Hand.RESOLD: ("{other} 님에게서 산 표", "Bought from {other}"),
    Hand.REISSUED: ("새 표입니다. 이전 번호는 쓸 수 없습니다.", "Your new ticket; the old number is void"),
    Hand.DECLINED: ("{other} 님이 돌려보낸 표", "Sent back by {other}"),
}


def lead(came_by: Hand, other: str, language: str) -> str:
    """How a ticket came to its holder; `other` is whoever had it before, as a holder may read it."""
    korean, english = LEADS[came_by]
    return (korean if language == "ko" else english).format(other=other)


@dataclass(frozen=True, slots=True)
class OfferSlip:
    """What the receiver of an offer is told; `link` is a secret of theirs. An empty `price` is nothing to pay."""

    giver: str
    title: str
    when: str
    seat: str
    price: str
    until: str
    link: str

    def __repr__(self) -> str:
        return f"OfferSlip({self.title!r}, ***)"


def offer_message(slip: OfferSlip, language: str, parts: Parts) -> str:
    """To the receiver: what is on offer, from whom, for what, until when; in the fewest messages that it fits."""
    forms = [_offer_form(slip, language, width, seat) for seat in (slip.seat, "") for width in TITLE_WIDTHS]
    fewest = min(parts(form) for form in forms)
    return next(form for form in forms if parts(form) == fewest)


def _offer_form(slip: OfferSlip, language: str, width: int, seat: str) -> str:
    if language == "ko":
        offered = f"{slip.giver} 님이 표를 {f'{slip.price}에 넘기려 합니다' if slip.price else '드립니다'}."
        ends = f"{slip.until}까지 받으십시오."
    else:
        offered = f"{slip.giver} offers you a ticket {f'for {slip.price}' if slip.price else 'as a gift'}"
        ends = f"Take it by {slip.until}:"
    lines = [offered, shortened(slip.title, width), slip.when, seat, ends, slip.link]
    return "\n".join(line for line in lines if line)


def declined_message(title: str, number: str, receiver: str, language: str) -> str:
    """To the giver: the offer came to nothing."""
    if language == "ko":
        return f"{receiver} 님이 {shortened(title, 12)} 표 {number}번을 받지 않았습니다. 표는 그대로 쓸 수 있습니다."
    return f"{shortened(title, 40)}: {receiver} declined your ticket {number}. It is still yours."


def given_message(title: str, number: str, receiver: str, language: str) -> str:
    """To the giver."""
    if language == "ko":
        return f"{shortened(title, 20)} 표 {number}번을 {receiver}에 선물했습니다."
    return f"{shortened(title, 40)}: your ticket {number} is now with {receiver}."


def revoked_message(title: str, number: str, language: str) -> str:
    if language == "ko":
        return f"{shortened(title, 28)} 표 {number}번이 취소되었습니다. 더 이상 사용할 수 없습니다."
    return f"{shortened(title, 40)}: ticket {number} was revoked and can no longer be used."


def emoney_message(issuer: str, balance: str, pin: str, language: str) -> str:
    if language == "ko":
        return f"{issuer} 전자화폐 잔액 {balance}, 비밀번호 PIN {pin}. 결제할 때 이 번호와 함께 입력하십시오."
    return f"{issuer} e-money: balance {balance}, PIN {pin}. Give it with your number when you pay."


def money_back_message(title: str, money: str, language: str, *, late: bool) -> str:
    """To the buyer: money goes back, for tickets returned, or because it came when the places were gone."""
    if language == "ko":
        why = "결제가 늦어 자리가 없습니다" if late else "표가 환불되었습니다"
        return f"{shortened(title, 20)}: {why}. 환불 금액 {money}, 결제하신 수단으로 돌려 드립니다."
    why = "your payment came too late and the places are gone" if late else "your tickets are returned"
    return f"{shortened(title, 40)}: {why}. {money} goes back to your means of payment."
