"""Phone numbers as people and carriers write them."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumberType

from app.domain.handset import Handset

HOME_REGION = "KR"
MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
"""In North America the two cannot be told apart by number."""
INTERNATIONAL = re.compile("[1-9][0-9]{9,14}")
"""As SMPP writes a number of type 1: digits with the country code, without a plus."""


def parse_mobile(text: str) -> Handset:
    """A mobile number as people type it, in E.164; raises ValueError with a sentence unless it can be a mobile."""
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        raise ValueError("this is not a phone number; write it like 010-1234-5678 or +82 10 1234 5678") from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError("there is no such phone number; check its digits")
    if phonenumbers.number_type(number) not in MOBILE:
        raise ValueError("this is not a mobile number; a ticket needs one that can receive messages")
    return Handset(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def answerable(sender: str) -> Handset | None:
    """The mobile that a carrier names as a message's sender; None for names and short codes: they never wait for us."""
    if INTERNATIONAL.fullmatch(sender):
        sender = f"+{sender}"
    if not re.fullmatch(r"\+?[0-9]{8,15}", sender):
        return None
    try:
        return parse_mobile(sender)
    except ValueError:
        return None
