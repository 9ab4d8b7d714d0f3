"""The words of the pages: whole in both languages, and chosen by what a browser says."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.gift import OfferState
from app.domain.refund import RefundState
from app.web.phrases import typed_phone
from app.web.rendering import HERE
from app.web.speaking import WORDS, counted, preferred

TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "templates").iterdir()}
SENTENCES = [(part, name) for part, entries in WORDS["ko"].items() for name in entries]


def holes(text: str) -> set[str]:
    return {name for half in text.split(" | ") for _, name, _, _ in Formatter().parse(half) if name}


def test_every_sentence_is_whole_in_both_languages() -> None:
    broken = []
    for part, name in SENTENCES:
        korean, english = WORDS["ko"][part][name], WORDS["en"][part][name]
        same_holes = holes(korean) - {"n"} == holes(english) - {"n"}
        if not (korean and english and same_holes and (" | " in korean) == (" | " in english)):
            broken.append((part, name))
    assert broken == []


def test_both_languages_have_the_same_sentences() -> None:
    assert [(part, list(entries)) for part, entries in WORDS["ko"].items()] == [
        (part, list(entries)) for part, entries in WORDS["en"].items()
    ]


def test_templates_name_only_sentences_there_are() -> None:
    named = {found for text in TEMPLATES.values() for found in re.findall(r"\bw\.(\w+)\.(\w+)", text)}
    assert len(named) > 100
    assert named - set(SENTENCES) == set()


def test_every_sentence_is_said_somewhere() -> None:
    text = "".join(TEMPLATES.values()) + "".join(
        path.read_text(encoding="utf-8")
        for path in (*(HERE.parent / "routers").glob("pages*.py"), HERE / "rendering.py")
    )
    by_name = {"kind", "fault", "second", "refusal", "refused"}
    """Parts whose sentences are chosen by a kind, a status or a refusal."""
    made = {f"why_{state}" for state in ("expired", "undeliverable", "rejected")}
    made |= {f"{state}_title" for state in ("expired", "cancelled", "refunded", "used", "revoked", "given")}
    made |= {"suspended_title", "returning_title", "reissued_title", "withdrawn"}
    made |= {f"{state}_title" for state in OfferState}
    made |= {
        f"no_{why}" for why in ("wrong_pin", "locked", "too_little", "used_up", "used_since", "inside", "too_late")
    }
    made |= {"no_suspended", "no_elsewhere", "no_under_way"}
    made |= {f"phone_{profile}" for profile in ("sms", "ems", "wap")}
    made |= {f"{means}_{what}" for means in ("emoney", "voucher") for what in ("lead", "button")}
    made |= {f"to_{provider}" for provider in ("card", "emoney", "voucher", "carrier")} | set(RefundState)
    made |= {"expired", "cancelled", "refunded", "used", "revoked", "given", "show_ride", "show_voucher"}
    unused = [
        (part, name)
        for part, name in SENTENCES
        if part not in by_name and name not in made and not re.search(rf"\b{name}\b", text)
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("fr;q=0.9, ko;q=0.5, en;q=0.7", "en"),
        ("en;q=0, ko;q=0.1", "ko"),
        ("fr-FR,fr;q=0.9", "en"),
        ("*", None),
        ("", None),
        ("ko;q=nonsense", None),
        ("ko;level=1;q=1", None),
    ],
)
def test_the_browsers_best_language_is_taken(header: str, language: str | None) -> None:
    assert preferred(header) == language


@given(st.text(max_size=200))
def test_any_header_at_all_is_read_without_a_fault(header: str) -> None:
    assert preferred(header) in {"ko", "en", None}


def test_a_count_chooses_its_form_and_groups_thousands() -> None:
    assert counted("{n} ticket | {n} tickets", 1) == "1 ticket"
    assert counted("{n} ticket | {n} tickets", 1_200) == "1,200 tickets"
    assert counted("last {n}", 1) == "last 1"


@pytest.mark.parametrize(
    ("number", "typed"),
    [
        ("+821012345678", "010-1234-5678"),
        ("+82111234567", "011-123-4567"),
        ("+447700900123", "+447700900123"),
        ("+8210", "+8210"),
    ],
)
def test_a_number_is_filled_in_as_its_owner_types_it(number: str, typed: str) -> None:
    assert typed_phone(number) == typed
