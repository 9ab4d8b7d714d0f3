"""Why something that was presented cannot be read, and what whoever stands at the gate should do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unread(StrEnum):
    """Why nothing could be looked up for what was presented."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    CHECK_DIGIT = "check_digit"
    DIGIT_COUNT = "digit_count"
    PIN_MISSING = "pin_missing"
    LINK = "link"
    CUT_SHORT = "cut_short"
    RUN_ON = "run_on"
    DAMAGED = "damaged"
    NEWER = "newer"
    FOREIGN = "foreign"


_WORDS = {
    Unread.EMPTY: (
        "Nothing was read. Scan the code again, or type the ticket number and the PIN.",
        "읽은 내용이 없습니다. 코드를 다시 스캔하거나 티켓 번호와 PIN을 입력해 주십시오.",
    ),
    Unread.TOO_LONG: (
        "This is too long to be a ticket. Scan only the ticket's code.",
        "티켓으로 보기에는 너무 깁니다. 티켓의 코드만 스캔해 주십시오.",
    ),
    Unread.CHECK_DIGIT: (
        "The ticket number has a typing mistake. Compare it with the holder's message and type it again.",
        "티켓 번호를 잘못 입력했습니다. 소지자의 문자와 비교하여 다시 입력해 주십시오.",
    ),
    Unread.DIGIT_COUNT: (
        "A ticket number has 10 digits and a PIN has 6. Count them and type them again.",
        "티켓 번호는 10자리, PIN은 6자리입니다. 자릿수를 확인하고 다시 입력해 주십시오.",
    ),
    Unread.PIN_MISSING: (
        "The PIN is missing. Type the six digits that stand behind the ticket number.",
        "PIN이 없습니다. 티켓 번호 뒤의 여섯 자리를 입력해 주십시오.",
    ),
    Unread.LINK: (
        "This is the address of a ticket page. Ask the holder to open it, then scan the code it shows.",
        "티켓 페이지의 주소입니다. 소지자에게 페이지를 열어 달라고 한 뒤 표시된 코드를 스캔해 주십시오.",
    ),
    Unread.CUT_SHORT: (
        "The code was read only in part. Scan it again, or type the ticket number and the PIN.",
        "코드를 온전히 읽지 못했습니다. 다시 스캔하거나 티켓 번호와 PIN을 입력해 주십시오.",
    ),
    Unread.RUN_ON: (
        "More than one code was read at once. Scan one ticket's code by itself.",
        "여러 코드를 한꺼번에 읽었습니다. 티켓의 코드 하나만 다시 스캔해 주십시오.",
    ),
    Unread.DAMAGED: (
        "The code was read wrongly. Wipe the screen and scan it again, or type the ticket number and the PIN.",
        "코드를 잘못 읽었습니다. 화면을 닦고 다시 스캔하거나 티켓 번호와 PIN을 입력해 주십시오.",
    ),
    Unread.NEWER: (
        "This code is newer than this gate. Update the gate, or type the ticket number and the PIN.",
        "이 게이트보다 새로운 형식의 코드입니다. 게이트를 업데이트하거나 티켓 번호와 PIN을 입력해 주십시오.",
    ),
    Unread.FOREIGN: (
        "This is not one of our tickets. Ask the holder for the ticket's message or code.",
        "저희 티켓이 아닙니다. 소지자에게 티켓 문자나 코드를 요청해 주십시오.",
    ),
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Not a ticket as presented. It keeps the reason only: the text may be hostile, and may be half a secret."""

    reason: Unread

    def words(self, language: str) -> str:
        """What to do next, in Korean (`ko`) or English."""
        english, korean = _WORDS[self.reason]
        return korean if language == "ko" else english
