"""What we answer to a text message: a kind, a language and facts; the words are chosen so that they fit one message.

A reply is kept until it is sent, so none of its facts is a secret: a PIN or a link never stands in one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.domain.money import Money
from app.domain.wording import TITLE_WIDTHS, Parts, shortened


class Says(StrEnum):
    """The kinds of a reply."""

    OFFER = "offer"
    OFFER_BILL = "offer_bill"
    OFFER_FREE = "offer_free"
    SOLD_OUT = "sold_out"
    NOTHING_LEFT = "nothing_left"
    NO_CODE = "no_code"
    BY_JOURNEY = "by_journey"
    NOT_YET = "not_yet"
    CLOSED = "closed"
    LIMIT = "limit"
    NO_MORE = "no_more"
    NEEDS_PIN = "needs_pin"
    PAID = "paid"
    BOOKED = "booked"
    REFUSED = "refused"
    ASKING = "asking"
    TROUBLE = "trouble"
    NOTHING_OPEN = "nothing_open"
    RAN_OUT = "ran_out"
    TICKETS = "tickets"
    NO_TICKETS = "no_tickets"
    RESENT = "resent"
    NO_SUCH_TICKET = "no_such_ticket"
    RESENT_OFTEN = "resent_often"
    GIVEN = "given"
    NOT_A_GIFT = "not_a_gift"
    ON_HOLD = "on_hold"
    GIFT_TOO_LATE = "gift_too_late"
    INSIDE = "inside"
    USED_UP = "used_up"
    HANDING_OVER = "handing_over"
    OWN_NUMBER = "own_number"
    BAD_NUMBER = "bad_number"
    GIFTS_OFTEN = "gifts_often"
    CANCELLED = "cancelled"
    NOTHING_TO_CANCEL = "nothing_to_cancel"
    AWAY = "away"
    RETURNING = "returning"
    RETURNED = "returned"
    NOT_RETURNED = "not_returned"
    ONLY_BUYER = "only_buyer"
    HOW_TO_RETURN = "how_to_return"
    BALANCE = "balance"
    NO_BALANCE = "no_balance"
    HELP = "help"
    HOW_TO_BUY = "how_to_buy"
    HOW_TO_RESEND = "how_to_resend"
    HOW_TO_GIVE = "how_to_give"
    TOO_OFTEN = "too_often"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `lines` is a list of which the end may be left out; `title` may be shortened."""

    says: Says
    language: str
    facts: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"says": self.says.value, "language": self.language, "facts": dict(self.facts), "lines": [*self.lines]}

    @classmethod
    def of_json(cls, body: Mapping[str, Any]) -> Reply:
        return cls(Says(body["says"]), body["language"], body["facts"], tuple(body["lines"]))


Forms = tuple[str, ...]
"""Templates, the fullest first. A line of which nothing is left is dropped."""

WORDS: Mapping[Says, tuple[Forms, Forms]] = {
    Says.OFFER: (
        (
            "{title} {when} {what} {seats} {amount}\n{minutes}분 안에 '예'와 PIN을 보내면 결제됩니다.",
            "{title} {when} {what} {amount}\n{minutes}분 안에 '예'와 PIN을 보내면 결제됩니다.",
            "{title} {when} {what} {amount}\n{minutes}분 안에 '예 PIN'으로 결제",
        ),
        (
            "{title}\n{when}\n{what} {seats}\n{amount}: reply YES and your e-money PIN within {minutes} min, or CANCEL",
            "{title}\n{when}\n{what}\n{amount}: reply YES and your e-money PIN within {minutes} min",
        ),
    ),
    Says.OFFER_BILL: (
        (
            "{title} {when} {what} {seats} {amount}\n{minutes}분 안에 '예': 통신요금, '예 PIN': 전자화폐",
            "{title} {when} {what} {amount}\n{minutes}분 안에 '예': 통신요금, '예 PIN': 전자화폐",
            "{title} {when} {what} {amount}\n'예' 통신요금, '예 PIN' 전자화폐",
        ),
        (
            "{title}\n{when}\n{what} {seats}\n{amount}: YES by phone bill, YES and PIN by e-money ({minutes} min)",
            "{title}\n{when}\n{what}\n{amount}: within {minutes} min reply YES (phone bill) or YES and PIN (e-money)",
        ),
    ),
    Says.OFFER_FREE: (
        (
            "{title} {when} {what} {seats} 무료\n{minutes}분 안에 '예'를 보내면 표를 보내 드립니다.",
            "{title} {when} {what} 무료\n{minutes}분 안에 '예'를 보내십시오.",
        ),
        (
            "{title}\n{when}\n{what} {seats}\nFree of charge: reply YES within {minutes} min, or CANCEL",
            "{title}\n{when}\n{what}, free: reply YES within {minutes} min",
        ),
    ),
    Says.SOLD_OUT: (
        ("{title} 매진입니다. 아래 번호로 답하면 예매됩니다.\n{lines}", "매진. 번호로 답하십시오.\n{lines}"),
        (
            "{title}: sold out. You could have this; reply with its number:\n{lines}",
            "Sold out. Reply 1, 2, ..\n{lines}",
        ),
    ),
    Says.NOTHING_LEFT: (
        ("{title} 매진입니다. 다른 표도 남지 않았습니다.",),
        ("{title}: sold out, and nothing near it is left.",),
    ),
    Says.NO_CODE: (
        ("{code}번은 없습니다. 번호는 {url} 에 있습니다.", "{code}번은 없습니다. 번호를 확인하십시오."),
        ("There is no {code}. The codes are on {url}", "There is no {code}. Check the code and send it again."),
    ),
    Says.BY_JOURNEY: (
        ("이 표는 구간별로 팝니다. {url} 에서 역을 고르십시오.", "이 표는 구간별로 팝니다. 문자로 살 수 없습니다."),
        ("This is sold by journey. Choose your stations on {url}", "This is sold by journey, not by text message."),
    ),
    Says.NOT_YET: (
        ("{title} 판매는 {when}에 시작합니다.",),
        ("{title}: sales open {when}. Send your message again then.",),
    ),
    Says.CLOSED: (("{title} 판매가 끝났습니다.",), ("{title}: sales have closed.",)),
    Says.LIMIT: (
        ("한 번에 {limit}매까지 살 수 있습니다. '예매 {code} {limit}'로 보내십시오.",),
        ("At most {limit} at once. Send BUY {code} {limit}",),
    ),
    Says.NO_MORE: (
        ("한 분이 모두 {limit}매까지만 살 수 있습니다.",),
        ("One buyer may have {limit} of these in all.",),
    ),
    Says.NEEDS_PIN: (
        ("전자화폐로 결제하려면 '예'와 비밀번호 6자리를 보내십시오. 보기: 예 123456",),
        ("To pay by e-money send YES and your 6-digit PIN, such as YES 123456",),
    ),
    Says.PAID: (
        ("{title} 결제되었습니다 ({amount}). 표는 문자로 갑니다.",),
        ("{title}: paid {amount}. Your ticket comes in a message of its own.",),
    ),
    Says.BOOKED: (
        ("{title} 예매되었습니다. 표는 문자로 갑니다.",),
        ("{title}: booked. Your ticket comes in a message of its own.",),
    ),
    Says.REFUSED: (
        (
            "{why} 자리는 그대로입니다. 다시 '예 PIN', 그만두려면 '취소'를 보내십시오.",
            "{why} 다시 '예 PIN' 또는 '취소'",
        ),
        ("{why} Your places are kept for now: send YES and your PIN again, or CANCEL.",),
    ),
    Says.ASKING: (
        ("결제를 확인하고 있습니다. 다시 결제하지 마십시오. 승인되면 표가 문자로 갑니다.",),
        ("We are asking about your payment. Do not pay again: if it went through, the ticket comes by itself.",),
    ),
    Says.TROUBLE: (
        ("지금은 결제할 수 없습니다. 청구되지 않았으니 잠시 뒤 다시 보내 주십시오.",),
        ("The payment network does not answer. Nothing was charged; send the same again in a minute.",),
    ),
    Says.NOTHING_OPEN: (
        ("확인할 예매가 없습니다. '예매'와 번호를 먼저 보내십시오. 보기: 예매 4021 2",),
        ("Nothing waits for your answer. First send BUY and a code, such as BUY 4021 2",),
    ),
    Says.RAN_OUT: (
        ("시간이 지나 예매가 풀렸습니다. 청구되지 않았습니다. 다시 보내십시오: 예매 {code}",),
        ("The time to pay is over and nothing was charged. Send BUY {code} to try again.",),
    ),
    Says.TICKETS: (("{lines}",), ("{lines}",)),
    Says.NO_TICKETS: (
        ("쓸 수 있는 표가 없습니다. 사려면 '예매'와 번호를 보내십시오.",),
        ("You have no ticket that is still good. To buy one send BUY and its code.",),
    ),
    Says.RESENT: (("표 {count}장을 다시 보냈습니다.",), ("Sent again: {count} of your tickets.",)),
    Says.NO_SUCH_TICKET: (
        ("쓸 수 있는 표 {number}번이 없습니다. '내표'를 보내 확인하십시오.",),
        ("You have no good ticket {number}. Send TICKETS to see yours.",),
    ),
    Says.RESENT_OFTEN: (
        ("방금 여러 번 보내 드렸습니다. 한 시간 뒤에 다시 요청하십시오.",),
        ("It was sent several times within the hour. Ask again in an hour.",),
    ),
    Says.GIVEN: (
        ("표 {number}번을 {handset}에 선물했습니다. 이 번호와 PIN은 이제 쓸 수 없습니다.",),
        ("Ticket {number} is now with {handset}. Its old number and PIN are good for nothing.",),
    ),
    Says.NOT_A_GIFT: (
        ("표 {number}번은 다른 분께 선물할 수 없는 표입니다.",),
        ("Ticket {number} cannot be given to anybody else.",),
    ),
    Says.ON_HOLD: (
        ("표 {number}번은 결제 이의가 제기되어 은행이 확인하고 있습니다. 그때까지 선물할 수 없습니다.",),
        ("Ticket {number} is on hold: its payment is disputed with the bank. It cannot be given until that is over.",),
    ),
    Says.GIFT_TOO_LATE: (
        ("표 {number}번은 선물할 수 있는 시간이 지났습니다. 매표소에 문의해 주십시오.",),
        ("It is too late to give ticket {number} away. Ask the box office.",),
    ),
    Says.INSIDE: (
        ("표 {number}번으로 지금 입장해 있습니다. 퇴장한 뒤에 선물할 수 있습니다.",),
        ("Somebody is inside with ticket {number}. Leave through a gate, then send this again.",),
    ),
    Says.HANDING_OVER: (
        ("표 {number}번을 넘기고 있습니다. 주최사가 응답하는 대로 문자로 알려 드립니다.",),
        ("Ticket {number} is being handed over. A message comes when its organiser has answered.",),
    ),
    Says.USED_UP: (
        ("표 {number}번은 이미 사용했거나 기한이 지났습니다.",),
        ("Ticket {number} is used up or past its time.",),
    ),
    Says.OWN_NUMBER: (
        ("표 {number}번은 이미 이 번호에 있습니다.",),
        ("Ticket {number} is with this number already.",),
    ),
    Says.BAD_NUMBER: (
        ("휴대전화 번호가 아닙니다. 보기: 선물 {number} 01012345678",),
        ("That is not a mobile number. Send it like GIFT {number} 01012345678",),
    ),
    Says.GIFTS_OFTEN: (
        ("한 시간에 선물할 수 있는 매수를 넘었습니다. 나중에 다시 보내십시오.",),
        ("You gave as many tickets as one may within an hour. Try again later.",),
    ),
    Says.CANCELLED: (
        ("예매를 취소했습니다. 청구되지 않았습니다.",),
        ("Cancelled: the places are free again and nothing was charged.",),
    ),
    Says.NOTHING_TO_CANCEL: (
        ("취소할 예매가 없습니다. 결제한 표를 환불하려면 '취소 표번호'를 보내십시오.",),
        ("No booking is open. To give a paid ticket back send CANCEL and its number.",),
    ),
    Says.AWAY: (
        ("{title} 주최사가 응답하지 않아 잠시 팔지 않습니다. 잠시 뒤 다시 보내 주십시오.",),
        ("{title} is temporarily not on sale: its organiser does not answer. Send the same again in a while.",),
    ),
    Says.RETURNING: (
        ("표 {number}번을 환불합니다. 결제하신 수단으로 {amount}을 돌려 드립니다.",),
        ("Ticket {number} is given back and worth nothing now. {amount} returns to what you paid with.",),
    ),
    Says.RETURNED: (
        ("표 {number}번을 환불했습니다. 결제하신 수단으로 {amount}을 돌려 드렸습니다.",),
        ("Ticket {number} was given back and is worth nothing now. {amount} went back to what you paid with.",),
    ),
    Says.NOT_RETURNED: (
        ("표 {number}번: {why}", "{why}"),
        ("Ticket {number}: {why}", "{why}"),
    ),
    Says.ONLY_BUYER: (
        ("표 {number}번은 산 분만 환불할 수 있습니다.",),
        ("Only whoever bought ticket {number} can give it back.",),
    ),
    Says.HOW_TO_RETURN: (
        ("환불할 표 번호 10자리를 이렇게 보내십시오. 보기: 취소 482910375-1",),
        ("To give a paid ticket back send its ten digits, such as CANCEL 482910375-1",),
    ),
    Says.BALANCE: (("전자화폐 잔액\n{lines}",), ("E-money\n{lines}",)),
    Says.NO_BALANCE: (
        ("이 번호에는 전자화폐가 없습니다. 매표소에서 충전할 수 있습니다.",),
        ("This number has no e-money. A box office can add some.",),
    ),
    Says.HELP: (
        ("예매 번호 매수 / 예 PIN / 취소 / 내표 / 다시 / 선물 표번호 전화번호 / 잔액\n보기: 예매 4021 2",),
        ("BUY code number, YES PIN, CANCEL, TICKETS, RESEND, GIFT ticket phone, BALANCE. Example: BUY 4021 2",),
    ),
    Says.HOW_TO_BUY: (
        ("번호와 매수를 이렇게 보내십시오. 보기: 예매 4021 2",),
        ("Send the code and how many, such as BUY 4021 2",),
    ),
    Says.HOW_TO_RESEND: (
        ("표 번호 10자리를 이렇게 보내십시오. 보기: 다시 482910375-1",),
        ("Send the ticket's ten digits, such as RESEND 482910375-1",),
    ),
    Says.HOW_TO_GIVE: (
        ("표 번호와 받을 분 번호를 보내십시오. 보기: 선물 482910375-1 01012345678",),
        ("Send the ticket and the phone number, such as GIFT 482910375-1 01012345678",),
    ),
    Says.TOO_OFTEN: (
        ("문자를 너무 많이 보내셨습니다. 한 시간 뒤에 다시 보내 주십시오.",),
        ("Too many messages. We read on in an hour.",),
    ),
}
"""Korean forms, English forms."""

WHY: Mapping[str, tuple[str, str]] = {
    "wrong_pin": ("전자화폐 비밀번호(PIN)가 맞지 않습니다.", "The number has no e-money with this PIN."),
    "insufficient_funds": ("전자화폐 잔액이 부족합니다.", "There is not enough e-money."),
    "locked": ("PIN을 여러 번 틀려 10분 동안 잠겼습니다.", "Too many wrong PINs: e-money is locked for 10 minutes."),
}
OTHERWISE = ("이 결제 수단은 쓸 수 없습니다.", "This means of payment cannot be used.")

LONG = frozenset({Says.TICKETS, Says.BALANCE, Says.SOLD_OUT})
"""Lists may take a second message before something is left out of them."""


def why(reason: str, language: str) -> str:
    """Why a payment was refused, shorter than on a page."""
    korean, english = WHY.get(reason, OTHERWISE)
    return korean if language == "ko" else english


def price_words(money: Money, language: str) -> str:
    """60,000원, or KRW 60,000: the sign of the won is in no phone's alphabet, and one such letter halves a message."""
    if language == "ko":
        return money.words("ko")
    digits, dot, rest = money.plain().partition(".")
    return f"{money.currency} {int(digits):,}{dot}{rest}"


def reply_text(reply: Reply, parts: Parts) -> str:
    """The fullest words that fit one message (a list: two); where none do, those that need the fewest."""
    most = 2 if reply.says in LONG else 1
    best: str | None = None
    for text in _candidates(reply):
        if parts(text) <= most:
            return text
        if best is None or parts(text) < parts(best):
            best = text
    assert best is not None, "every kind has at least one form"
    return best


def _candidates(reply: Reply) -> Iterator[str]:
    korean, english = WORDS[reply.says]
    titles = TITLE_WIDTHS if "title" in reply.facts else TITLE_WIDTHS[:1]
    for count in range(max(len(reply.lines), 1), 0, -1):
        lines = _lines(reply.lines, count)
        for form in korean if reply.language == "ko" else english:
            for width in titles:
                facts = {**reply.facts, "title": shortened(reply.facts.get("title", ""), width), "lines": lines}
                yield _tidy(form.format_map(facts))


def _lines(lines: Sequence[str], count: int) -> str:
    left = [f"+{len(lines) - count}"] if count < len(lines) else []
    return "\n".join([*lines[:count], *left])


def _tidy(text: str) -> str:
    """Without the spaces and lines of what there was nothing to say about."""
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
