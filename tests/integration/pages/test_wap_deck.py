"""Decks as text: whatever they say they are XML, keep what they say, and are no larger than they were measured."""

from __future__ import annotations

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from app.web.wap_deck import (
    DECK_OCTETS_MAX,
    Deck,
    Field,
    Form,
    Item,
    Link,
    Markup,
    Picture,
    Words,
    deck_octets_max,
    fitted,
    octets_max,
    wml,
)
from mobile_gateway.wire import wml as compiler
from mobile_gateway.wire import xmltree

TEXT = st.text(max_size=30)
ITEM: st.SearchStrategy[Item] = st.one_of(
    st.builds(Words, TEXT, st.booleans()),
    st.builds(Link, TEXT, TEXT),
    st.builds(Picture, TEXT, TEXT),
    st.builds(
        Form,
        TEXT,
        TEXT,
        st.tuples(st.builds(Field, st.just("n"), TEXT, st.just("*N"), TEXT, st.booleans())),
        st.tuples(st.tuples(st.just("k"), TEXT)),
        st.booleans(),
    ),
)
DECK = st.builds(
    Deck,
    TEXT,
    st.lists(ITEM, max_size=5).map(tuple),
    TEXT,
    again=st.none() | st.just("/wap/b/x?l=ko"),
    forgets=st.booleans(),
)


@given(DECK)
@settings(max_examples=100)
def test_whatever_a_deck_says_it_is_xml_and_not_larger_than_it_was_measured(deck: Deck) -> None:
    for markup in Markup:
        fromstring(deck.written(markup, "UTF-8").partition("?>")[2])
    root = xmltree.parse(wml(deck).encode(), octets_max=50_000, depth_max=20, elements_max=500)
    assert len(compiler.compile(root)) <= deck_octets_max(deck)


@given(TEXT)
def test_a_dollar_sign_begins_no_variable(text: str) -> None:
    card = fromstring(wml(Deck("", (Words(f"${text}$(pin)"),), "")))
    said = "".join(card.find("card").find("p").itertext())  # type: ignore[union-attr]  # both are there
    assert "$$(pin)" in said
    assert said.count("$") % 2 == 0


@given(st.lists(st.integers(0, 300), min_size=1, max_size=60), st.integers(0, 200), st.booleans())
@settings(max_examples=100)
def test_a_list_goes_over_decks_without_a_row_lost_or_told_twice(lengths: list[int], head: int, beyond: bool) -> None:  # noqa: FBT001 - drawn
    rows = [Link(f"{number}-" + "가" * (length // 3), f"/wap/{number}") for number, length in enumerate(lengths)]
    shown: list[str] = []
    start, decks = 0, 0
    while start < len(rows):
        deck = fitted(
            Deck("t", (Words("a" * head),), "b"),
            rows,
            start=start,
            more=lambda count: Link("more", f"?a={count}"),
            foot=[Link("home", "/wap")],
            beyond=beyond,
        )
        assert deck_octets_max(deck) <= DECK_OCTETS_MAX
        links = [one for one in deck.items if isinstance(one, Link)]
        shown += [one.label for one in links if one.label not in {"more", "home"}]
        onward = [int(one.href.removeprefix("?a=")) for one in links if one.label == "more"]
        start = onward[0] if onward else len(rows)
        decks += 1
        assert decks <= len(rows)
    assert shown == [row.label for row in rows]


def test_a_row_longer_than_a_deck_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="shorter than a deck"):
        fitted(Deck("", (), ""), [Words("a" * 2_000)], more=lambda count: Link("more", str(count)))


def test_what_is_known_to_be_so_large_is_measured_so() -> None:
    # card, p and br; wml has no attribute here. 6 for the head, 2 for wml, 4 + 3 for card and id, 2 for p, 3 for a.
    assert octets_max('<wml><card id="c"><p>a<br/></p></card></wml>') == 6 + 2 + (2 + 1 + 1 + 2 + 1) + 2 + 3 + 1


def test_a_secret_is_not_kept_by_the_phone() -> None:
    form = Form("/wap", "go", (Field("p", "PIN", secret=True),))
    text = wml(Deck("", (form,), ""))
    assert '<onevent type="onenterforward"><refresh><setvar name="p" value=""/></refresh></onevent>' in text
    assert 'type="password"' in text
    assert 'newcontext="true"' in wml(Deck("", (), "", forgets=True))
