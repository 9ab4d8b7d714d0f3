"""The WAP browser of the feature phone: what a key does, what a page that came does, and what the screen shows then.

Pure: a `Browser` is a value. It asks for pages and pictures by effects, and somebody brings them to `loaded`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from mobile_gateway.browser import arrive, draw, memory, navigate, press
from mobile_gateway.browser.requests import Effect, Loaded
from mobile_gateway.browser.screen import Display, Screen
from mobile_gateway.browser.state import State
from mobile_gateway.keys import Key
from mobile_gateway.subscribers import Language


@dataclass(frozen=True, slots=True)
class Browser:
    """One phone's browser. Make it with the phone's display and language; `open` an address to begin.

    Keys: up and down move over links and fields and scroll; OK acts on the one picked, or does what the page calls
    accept; send always does that. The left soft key opens the options, of which Save keeps the page as a ticket; the
    right one and back go back, or clear a letter. Left and right turn a screenful. In a field the digits type letters:
    the same key again changes the letter, any other key settles it, and so do right and `#`; `*` changes between
    capitals, small letters and digits. In a list a digit picks the option of that number.
    """

    state: State = field(default_factory=State)

    @classmethod
    def on(cls, display: Display, language: Language = Language.ENGLISH) -> Self:
        return cls(State(display=display, language=language))

    def open(self, url: str) -> tuple[Self, tuple[Effect, ...]]:
        """Go to an address, as from a bookmark or a service message; what was in view is behind `back`."""
        return self._after(navigate.open_address(self.state, url))

    def press(self, key: Key) -> tuple[Self, tuple[Effect, ...]]:
        """The browser after a key. A key that means nothing here changes nothing."""
        return self._after(press.press(self.state, key))

    def loaded(self, answer: Loaded) -> tuple[Self, tuple[Effect, ...]]:
        """The browser after a page or a picture came, which may ask for more. What nobody waits for is dropped."""
        return self._after(arrive.loaded(self.state, answer))

    def tick(self) -> tuple[Self, tuple[Effect, ...]]:
        """A pause: the letter being typed settles, else the card's timer runs out (`timer_tenths` says when it would).

        Nothing depends on it: on a card that only waits for its timer, OK does not wait.
        """
        return self._after(press.tick(self.state))

    @property
    def timer_tenths(self) -> int | None:
        """How many tenths of a second the card in view waits before `tick` takes it on; None where it does not."""
        return navigate.timer_tenths(self.state)

    @property
    def is_open(self) -> bool:
        """Whether it shows anything, or waits for something to show."""
        state = self.state
        return state.place is not None or state.waiting is not None or state.trouble is not None

    def view(self) -> Screen:
        """The screen, laid out for the display it was made with."""
        return draw.screen(self.state)

    def to_json(self) -> dict[str, object]:
        """What survives switching the phone off, in JSON's types. The display is the phone's, so it is not in it."""
        return memory.written(self.state)

    @classmethod
    def from_json(cls, value: Mapping[str, object], display: Display, language: Language = Language.ENGLISH) -> Self:
        """The browser that `to_json` wrote. Raises ValueError for anything else."""
        return cls(replace(memory.read(value), display=display, language=language))

    def _after(self, step: tuple[State, tuple[Effect, ...]]) -> tuple[Self, tuple[Effect, ...]]:
        state, effects = step
        return type(self)(state), effects
