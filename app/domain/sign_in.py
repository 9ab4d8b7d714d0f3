"""Signing in with a number: six digits in a text message, and whoever types them has the phone."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from enum import StrEnum
from uuid import UUID

CODE_DIGITS = 6
CODE_MINUTES = 5
TRIES_MAX = 5
"""How often a code may be tried, right or wrong; each try is counted before it is looked at."""
CODES_PER_HOUR_MAX = 3
"""How many codes one handset is sent within an hour, whoever asks for them and whatever they are for."""
CODES_PER_DAY_MAX = 10
"""And within a day: who guesses day and night has 50 tries of a million."""
DEVICES_MAX = 5
"""How many devices one handset may have at a time."""

_CODE = re.compile(f"[0-9]{{{CODE_DIGITS}}}")
_OCTETS = 8

Mac = Callable[[bytes], bytes]


class SignInPurpose(StrEnum):
    """What a one-time code is for."""

    ENROL = "enrol"
    """A device wants to be this handset's."""
    LOSS = "loss"
    """The phone is lost: its devices are to be shut out, and its tickets made anew."""
    LEAVE_NUMBER = "leave_number"
    """The tickets of this handset are to go to another number."""
    TAKE_NUMBER = "take_number"
    """That other number wants them."""


def digits_of(mac: Mac, sign_in_id: UUID, purpose: SignInPurpose) -> str:
    """The six digits of a code: derived when they are needed, stored nowhere."""
    octets = mac(b"code" + purpose.value.encode() + sign_in_id.bytes)[:_OCTETS]
    return f"{int.from_bytes(octets, 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def is_code(digits: str, typed: str) -> bool:
    """Whether these are the digits, in a time that says nothing about them; spaces and hyphens do not count."""
    plain = typed.replace(" ", "").replace("-", "")
    return bool(_CODE.fullmatch(plain)) and hmac.compare_digest(digits, plain)


def asker(mac: Mac, address: str) -> str:
    """What is kept of the address that asks for a code, to count by: not the address itself."""
    return mac(b"asker" + address.encode()).hex()[:32]


def code_message(purpose: SignInPurpose, digits: str, host: str, language: str) -> str:
    """The text with a code. A browser at `host` offers to fill in the digits of its last line (WebOTP)."""
    korean, english = _WORDS[purpose]
    last = f"@{host} #{digits}"
    if language == "ko":
        return f"{korean} 인증번호 {digits} ({CODE_MINUTES}분). 누구에게도 알려 주지 마십시오.\n{last}"
    return f"{digits} is your code {english}. Good for {CODE_MINUTES} minutes. Never tell it to anyone.\n{last}"


_WORDS = {
    SignInPurpose.ENROL: ("표 앱", "to open your tickets in the app"),
    SignInPurpose.LOSS: ("분실 신고", "to block a lost phone"),
    SignInPurpose.LEAVE_NUMBER: ("번호 변경(이전 번호)", "to move your tickets to another number"),
    SignInPurpose.TAKE_NUMBER: ("번호 변경(새 번호)", "to take tickets over from another number"),
}
