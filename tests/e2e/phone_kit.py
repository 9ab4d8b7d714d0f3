"""Somebody who holds a virtual phone: reads the words on its screen, and presses its keys over HTTP. Nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from mobile_gateway.browser.keypad import LETTERS

STEPS_MAX = 60
WAIT_SECONDS = 30.0
LOOK_SECONDS = 0.02
PICKED = "> "
LOADING = "Loading..."


@dataclass(slots=True)
class Holder:
    """One phone in one hand. `screen` is what was read last, from the top row down."""

    http: httpx.Client
    gateway: str
    number: str
    screen: list[str] = field(default_factory=list)

    def press(self, *keys: str) -> None:
        """Each key, and then until the page that it asked for has come."""
        for key in keys:
            answer = self.http.post(f"{self.gateway}/handsets/{self.number}/keys", json={"key": key})
            self.screen = answer.raise_for_status().json()["screen"]
            self._wait(lambda: LOADING not in self.text, "the page never came")

    def look(self) -> None:
        self.screen = self.http.get(f"{self.gateway}/handsets/{self.number}").raise_for_status().json()["screen"]

    def glass(self) -> bytes:
        """The pixels of the screen, as a PNG that a camera could take."""
        url = f"{self.gateway}/phones/{self.number}/screen.png"
        return self.http.get(url, params={"scale": 4}).raise_for_status().content

    @property
    def text(self) -> str:
        return "\n".join(self.screen)

    @property
    def words(self) -> str:
        """The screen as it is read, without its line breaks."""
        return " ".join(self.text.split())

    @property
    def picked(self) -> str:
        """What OK would act on: a link may take several rows."""
        return " ".join(row.removeprefix(PICKED) for row in self.screen if row.startswith(PICKED))

    def wait(self, words: str) -> None:
        """Until the screen says this by itself."""
        self._wait(lambda: words in self.text, f"it never said {words!r}")

    def go_to(self, words: str) -> None:
        """Down, and where nothing more comes up again, until what says this is picked."""
        for arrow in ("down", "up"):
            for _ in range(STEPS_MAX):
                if words in self.picked:
                    return
                before = self.screen
                self.press(arrow)
                if self.screen == before:
                    break
        raise AssertionError(f"nothing to press says {words!r}; the screen says:\n{self.text}")

    def choose(self, *labels: str) -> None:
        """Each of these in its turn, with OK."""
        for label in labels:
            self.go_to(label)
            self.press("ok")

    def read(self) -> str:
        """A message that is open, to its end."""
        rows = self.screen[1:-1]
        for _ in range(STEPS_MAX):
            before = self.screen
            self.press("down")
            if self.screen == before:
                break
            rows.append(self.screen[-2])
        return " ".join(" ".join(rows).split())

    def send_text(self, to: str, text: str) -> None:
        """From the menu: whom to, and then each letter by its key pressed again and again."""
        self.press("end", "ok")
        self.choose("Write message")
        self.press(*to, "ok")
        for letter in text:
            while letter.isdigit() != self.screen[0].startswith("123"):
                self.press("*")
            if letter.isdigit():
                self.press(letter)
                continue
            key = next(key for key, letters in LETTERS.items() if letter in letters)
            self.press(*key * (LETTERS[key].index(letter) + 1), "#")
        self.press("ok")
        assert "Message sent" in self.text
        self.press("end")

    def _wait(self, true: Callable[[], bool], sorry: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not true():
            assert time.monotonic() < deadline, f"{sorry} within {WAIT_SECONDS:.0f} s; the screen says:\n{self.text}"
            time.sleep(LOOK_SECONDS)
            self.look()
