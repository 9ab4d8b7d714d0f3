"""How the page draws a phone: the facts its templates need, the pixels of its screen, and texts with their links."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

import phonenumbers
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from mobile_gateway.carrier.messages import Language, Model, SubscriberState
from mobile_gateway.handset.held import Held
from mobile_gateway.handset.tickets import find_links
from mobile_gateway.lcd import drawing as lcd
from mobile_gateway.lcd.canvas import Canvas, Colour, Frame
from mobile_gateway.lcd.sheet import Shown
from mobile_gateway.pages.words import KEY_NAMES, WORDS
from mobile_gateway.phones import Handset
from mobile_gateway.wire.wbmp import Bitmap

MESSAGES_SHOWN_MAX = 30
SCALE_MAX = 16

GREEN: Colour = (0xB4, 0xCC, 0x6E)
DARK_INK: Colour = (0x17, 0x24, 0x0C)
ASLEEP: Colour = (0x87, 0x95, 0x5F)
"""The screen: dark ink on light green, 10:1, so that a camera reads a barcode on it; duller while it is off."""
WHITE: Colour = (0xFF, 0xFF, 0xFF)
BLACK: Colour = (0, 0, 0)

DIGITS = (
    ("1", ".,-?"),
    ("2", "ABC"),
    ("3", "DEF"),
    ("4", "GHI"),
    ("5", "JKL"),
    ("6", "MNO"),
    ("7", "PQRS"),
    ("8", "TUV"),
    ("9", "WXYZ"),
    ("*", "a/A/1"),
    ("0", "␣"),
    ("#", "→"),
)
"""The twelve keys and what is printed on them."""

Unsent = tuple[str, str]
"""To whom, and the text."""

_templates = Environment(
    loader=PackageLoader("mobile_gateway.pages"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Span:
    """A run of a text that is either plain or one link."""

    text: str
    href: str | None = None


def render(name: str, language: Language, **facts: object) -> str:
    """A template with the words of a language."""
    other = Language.ENGLISH if language is Language.KOREAN else Language.KOREAN
    return _templates.get_template(name).render(
        w=WORDS[language], key_names=KEY_NAMES[language], digits=DIGITS, lang=language, other=other, **facts
    )


def phone_html(seen: Handset, language: Language, *, unsent: Unsent | None = None, sent: bool = False) -> str:
    """One phone, to be put in the place of what it was."""
    return render("phone.html", language, facts=facts_of(seen, unsent=unsent, sent=sent))


def shown_by(seen: Handset) -> Shown | None:
    """What the phone's screen shows; None while it is off."""
    state = seen.subscriber.state
    if state is SubscriberState.OFF:
        return None
    full, roaming = state is SubscriberState.MEMORY_FULL, state is SubscriberState.ROAMING
    return lcd.screen(seen.phone, memory_full=full, roaming=roaming)


def screen_png(seen: Handset, *, scale: int) -> bytes:
    """The screen in black on white, each pixel `scale` pixels wide, in a white border: for cameras and printers."""
    shown = shown_by(seen)
    frame = shown.frame if shown else _blank(seen)
    return frame.png(scale=scale, border=4 * scale, paper=WHITE, ink=BLACK)


def facts_of(seen: Handset, *, unsent: Unsent | None = None, sent: bool = False) -> Mapping[str, object]:
    """What the templates need to draw one phone; `unsent` is a message that nobody takes, still in its fields."""
    phone, state = seen.phone, seen.subscriber.state
    shown = None if phone.model is Model.SMART else shown_by(seen)
    frame = shown.frame if shown else _blank(seen)
    return {
        "phone": phone,
        "state": state,
        "is_off": state is SubscriberState.OFF,
        "anchor": anchor(phone.number),
        "shown_number": _spaced(phone.number),
        "frame": frame,
        "pixels": _data(frame.png(paper=GREEN if shown else ASLEEP, ink=DARK_INK)),
        "rows": shown.rows if shown else (),
        "messages": [_message_facts(held) for held in phone.messages[:MESSAGES_SHOWN_MAX]],
        "unsent": unsent,
        "sent": sent,
        "tickets": [_message_facts(held) for held in phone.tickets[:MESSAGES_SHOWN_MAX]],
    }


def anchor(number: str) -> str:
    """Where the phone stands on its page."""
    return f"p{number[1:]}"


def _message_facts(held: Held) -> Mapping[str, object]:
    pictures = [{"src": _data(_picture(one)), "width": one.width, "height": one.height} for one in held.pictures]
    return {"held": held, "ticket": held.ticket, "spans": _linked(held.text), "pictures": pictures}


def _linked(text: str) -> list[Span]:
    spans, at = [], 0
    for link in find_links(text):
        spans += [Span(text[at : link.start]), Span(text[link.start : link.end], link.href)]
        at = link.end
    return [span for span in (*spans, Span(text[at:])) if span.text]


def _picture(bitmap: Bitmap) -> bytes:
    """A picture of a message, with two pixels of white around it."""
    canvas = Canvas(bitmap.width + 4, bitmap.height + 4)
    canvas.picture(2, 2, bitmap)
    return canvas.frame().png(paper=WHITE, ink=BLACK)


def _blank(seen: Handset) -> Frame:
    glass = seen.phone.glass
    return Canvas(glass.width, glass.height).frame()


def _data(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode("ascii")


def _spaced(number: str) -> str:
    """A number as people read it: +82 10-1234-5678."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return number  # E.164 by its form, of a country code nobody has
