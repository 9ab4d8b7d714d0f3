"""Each refusal says in one place what it means, and carries a sentence and what a program needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain.refusals import LimitExceeded, Refusal


def kinds(root: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for kind in root.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_each_refusal_says_what_it_means(kind: type[Refusal]) -> None:
    assert "__doc__" in vars(kind)
    assert kind.__doc__ is not None
    assert kind.__doc__.strip().endswith(".")


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_each_refusal_carries_its_sentence_and_more(kind: type[Refusal]) -> None:
    refusal = kind("Not today.", retry_after_seconds=5)
    assert (refusal.sentence, str(refusal), refusal.more) == ("Not today.", "Not today.", {"retry_after_seconds": 5})


def test_a_refusal_may_have_nothing_more_to_say() -> None:
    assert LimitExceeded("At most 4.").more == {}
