"""The keys of a phone of the year 2000, by the names that its pages and its API use."""

from __future__ import annotations

from enum import StrEnum


class Key(StrEnum):
    """`ok` selects, `back` clears or goes back, `end` hangs up: it leaves everything and shows the idle screen."""

    ZERO = "0"
    ONE = "1"
    TWO = "2"
    THREE = "3"
    FOUR = "4"
    FIVE = "5"
    SIX = "6"
    SEVEN = "7"
    EIGHT = "8"
    NINE = "9"
    STAR = "*"
    HASH = "#"
    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"
    OK = "ok"
    SOFT_LEFT = "soft_left"
    SOFT_RIGHT = "soft_right"
    BACK = "back"
    SEND = "send"
    END = "end"
