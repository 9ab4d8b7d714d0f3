"""The WAP 1.1 browser inside the feature phone, as a pure value that is pressed, fed and looked at."""

from mobile_gateway.browser.browser import Browser
from mobile_gateway.browser.requests import Effect, Failure, Fetch, Leave, Loaded, SaveCard
from mobile_gateway.browser.screen import Align, Display, PictureSlice, Row, Run, Screen

__all__ = [
    "Align",
    "Browser",
    "Display",
    "Effect",
    "Failure",
    "Fetch",
    "Leave",
    "Loaded",
    "PictureSlice",
    "Row",
    "Run",
    "SaveCard",
    "Screen",
]
