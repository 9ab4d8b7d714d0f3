"""What a text message is taken for, as people type it; nothing that anybody types is an error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.conversation import (
    ENGLISH,
    KOREAN,
    Balance,
    Buy,
    Cancel,
    Choose,
    Command,
    Gift,
    Help,
    Resend,
    Tickets,
    Unclear,
    Verb,
    Yes,
    hear,
)

NUMBER = "4829103751"
PHONE = "010-8765-4321"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("BUY 4021", Buy(4021)),
        ("buy 4021 2", Buy(4021, count=2)),
        ("Buy 4021B 3", Buy(4021, "b", 3)),
        ("buy4021", Buy(4021)),
        ("BUY: 4021 x2.", Buy(4021, count=2)),
        ("예매 4021 2", Buy(4021, count=2)),
        ("구매4021b 2매", Buy(4021, "b", 2)),
        ("4021", Buy(4021)),
        ("1", Choose(1)),
        ("6.", Choose(6)),
        ("yes", Yes()),
        ("YES please!", Yes()),
        ("Yes 123456", Yes("123456")),
        ("yes PIN 123 456", Yes("123456")),
        ("예 123456", Yes("123456")),
        ("네", Yes()),
        ("확인123456", Yes("123456")),
        ("123456", Yes("123456")),
        ("TICKETS", Tickets()),
        ("내표", Tickets()),
        ("내 표", Tickets()),
        ("티켓", Tickets()),
        ("resend", Resend()),
        ("RESEND 482910375-1", Resend(NUMBER)),
        ("다시 4829103751", Resend(NUMBER)),
        ("재 전송", Resend()),
        ("GIFT 482910375-1 010-8765-4321", Gift(NUMBER, PHONE)),
        ("gift 4829103751 to +82 10 8765 4321", Gift(NUMBER, "+82 10 8765 4321")),
        ("선물 482910375 1 010-8765-4321에게", Gift(NUMBER, PHONE)),
        ("cancel", Cancel()),
        ("취소", Cancel()),
        ("cancel please", Cancel()),
        ("CANCEL 482910375-1", Cancel(NUMBER)),
        ("취소 4829103751", Cancel(NUMBER)),
        ("BALANCE?", Balance()),
        ("잔액", Balance()),
        ("help", Help()),
        ("도움", Help()),
        ("도움말", Help()),
    ],
)
def test_a_request_is_understood_as_people_type_it(text: str, command: Command) -> None:
    assert hear(text).command == command


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("buy", Verb.BUY),
        ("buy tickets", Verb.BUY),
        ("buy 4021 99", Verb.BUY),
        ("buy 4021 0", Verb.BUY),
        ("yes 12345", Verb.YES),
        ("yes 1234567", Verb.YES),
        ("resend 12", Verb.RESEND),
        ("cancel 12", Verb.CANCEL),
        ("gift", Verb.GIFT),
        ("gift 482910375-1", Verb.GIFT),
        ("선물 010-8765-4321", Verb.GIFT),
        ("hello", None),
        ("7", None),
        ("0", None),
        ("", None),
        ("🎟", None),
        ("+82 10 8765 4321", None),
    ],
)
def test_what_is_half_understood_says_which_half(text: str, verb: Verb | None) -> None:
    assert hear(text).command == Unclear(verb)


def test_a_yes_with_a_wrong_pin_is_not_a_yes_without_one() -> None:
    """It could be put on the phone bill, where e-money was meant."""
    assert not isinstance(hear("yes 12345").command, Yes)


@given(
    word=st.sampled_from(sorted({**ENGLISH, **KOREAN})),
    front=st.text(" \t\n\u3000\u200b", max_size=3),
    wide=st.booleans(),
    upper=st.booleans(),
)
@settings(max_examples=150)
def test_width_capitals_and_spaces_around_do_not_matter(word: str, front: str, wide: bool, upper: bool) -> None:  # noqa: FBT001 - drawn
    typed = word.upper() if upper else word
    if wide:
        typed = "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in typed)
    assert hear(f"{front}{typed}{front}") == hear(word)


@given(st.text(max_size=400))
@settings(max_examples=200)
def test_any_text_at_all_is_heard_as_something(text: str) -> None:
    heard = hear(text)
    assert heard.language in {"ko", "en", None}
    assert not isinstance(heard.command, Buy) or 1 <= heard.command.count <= 50


def test_a_message_that_does_not_end_is_read_at_its_beginning_only() -> None:
    assert hear("buy 4021 2" + " " * 100_000 + "x").command == Buy(4021, count=2)


@pytest.mark.parametrize(
    ("text", "language"), [("예매 4021", "ko"), ("ㅋㅋ", "ko"), ("buy 4021", "en"), ("4021", None), ("?!", None)]
)
def test_the_language_is_that_of_the_words(text: str, language: str | None) -> None:
    assert hear(text).language == language


def test_a_pin_never_prints() -> None:
    assert "123456" not in repr(hear("yes 123456"))
