"""The screens of the phones: how many pixels, in which font, and how many rows of text these make."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from mobile_gateway.browser.screen import Display
from mobile_gateway.fonts import Font, font
from mobile_gateway.subscribers import Model


@dataclass(frozen=True)
class Glass:
    """A monochrome screen: a title bar, rows of body, the labels of the soft keys; all in pixels but `body_rows`."""

    width: int
    height: int
    font_name: str
    row_px: int
    bar_px: int
    body_rows: int

    @property
    def body_px(self) -> int:
        """Where the body begins: a white line below the title bar."""
        return self.bar_px + 1

    @property
    def is_roomy(self) -> bool:
        """Whether a row has room around its letters, for bold ones and for a line below."""
        return self.row_px >= ROOMY_ROW_PX_MIN

    @property
    def foot_px(self) -> int:
        """Where the row of the soft keys begins."""
        return self.height - self.row_px

    @cached_property
    def font(self) -> Font:
        """The font it draws."""
        return font(self.font_name)

    def measure(self, char: str) -> int:
        """How many pixels wide a character is on this screen."""
        return self.font.measure(char)

    def measure_text(self, text: str) -> int:
        """How many pixels wide a line is, without the gap after its last letter."""
        return max(0, sum(map(self.measure, text)) - 1)

    @cached_property
    def display(self) -> Display:
        """The part of it that a page of the browser has."""
        return Display(width=self.width, rows=self.body_rows, row_px=self.row_px, measure=self.measure)


ROOMY_ROW_PX_MIN = 10

SMALL = Glass(width=96, height=65, font_name="galmuri7", row_px=8, bar_px=8, body_rows=6)
LARGE = Glass(width=128, height=128, font_name="galmuri9", row_px=11, bar_px=13, body_rows=9)


def glass_of(model: Model) -> Glass:
    """The screen of a model. A smartphone has a page instead of one; what it would show is told as the large one's."""
    return SMALL if model is Model.FEATURE else LARGE
