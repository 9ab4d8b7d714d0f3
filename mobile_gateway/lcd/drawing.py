"""What a phone's screen shows, in its pixels and in words: each screen of the menus, a barcode, the browser's page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mobile_gateway.browser.screen import Align, Row
from mobile_gateway.cells import wrap
from mobile_gateway.handset.held import Held, Kind
from mobile_gateway.handset.menus import Seen
from mobile_gateway.handset.phone import Phone
from mobile_gateway.handset.places import Item, Mode, Place, options, picked
from mobile_gateway.handset.reading import lines
from mobile_gateway.handset.words import WORDS
from mobile_gateway.lcd.barcode import draw_barcode
from mobile_gateway.lcd.icons import BATTERY, ENVELOPE, GLOBE, OPENED, PENCIL, PICTURE, ROAMING, SIGNAL, TICKET
from mobile_gateway.lcd.sheet import Sheet, Shown
from mobile_gateway.wire.wbmp import Bitmap

OPERATOR = "CYBERTICKET"
ITEM_ICONS: Mapping[Item, Bitmap] = {
    Item.INBOX: ENVELOPE,
    Item.TICKETS: TICKET,
    Item.BROWSER: GLOBE,
    Item.WRITE: PENCIL,
}


def rows(phone: Phone, *, memory_full: bool = False, roaming: bool = False) -> tuple[str, ...]:
    """The words on the screen from the top down, for tests and screen readers."""
    return screen(phone, memory_full=memory_full, roaming=roaming).rows


def screen(phone: Phone, *, memory_full: bool = False, roaming: bool = False) -> Shown:
    """What the screen of a phone that is switched on shows."""
    sheet, words = Sheet(phone.glass), WORDS[phone.language]
    place = phone.place
    if place is not None and place.mode is Mode.SHOW:
        return _barcode(phone, place)
    if place is None:
        full = memory_full or not phone.has_room(1)
        _idle(sheet, phone, words, full=full, roaming=roaming)
    else:
        _SCREENS[place.mode](sheet, phone, place, words)
    if phone.notice:
        sheet.notice(words[f"notice {phone.notice}"])
    return sheet.shown()


Words = Mapping[str, str]


def _barcode(phone: Phone, place: Place) -> Shown:
    """Nothing but the code: its quiet zone goes to the edges of the screen, so there is neither title nor label."""
    held = picked(phone.messages, place)
    assert held
    codes = held.barcodes
    frame = draw_barcode(codes[min(place.at, len(codes) - 1)], phone.glass)
    name = WORDS[phone.language]["barcode"]
    return Shown(frame, (f"{name}: {held.headline}".removesuffix(": "),))


def _idle(sheet: Sheet, phone: Phone, words: Words, *, full: bool, roaming: bool) -> None:
    """Nothing open: the network's name, how well it is heard, and what came."""
    glass, canvas = sheet.glass, sheet.canvas
    canvas.picture(1, 1, ROAMING if roaming else SIGNAL)
    canvas.picture(glass.width - BATTERY.width - 1, 1, BATTERY)
    if phone.unread:
        canvas.picture((glass.width - ENVELOPE.width) // 2, 1, ENVELOPE)
    middle = glass.body_rows // 2
    sheet.line(middle - 2, OPERATOR, middle=True)
    width = glass.measure_text(OPERATOR)
    canvas.fill((glass.width - width) // 2, sheet.top_of(middle - 1) + 1, width, 1)
    if phone.unread:
        new = words["new"] if phone.unread == 1 else words["new_many"].format(phone.unread)
        sheet.line(middle, new, middle=True)
    if full:
        sheet.line(middle + 1, words["full"], middle=True, inverse=True)
    sheet.foot(words["menu"], words["read"] if phone.unread else words["inbox"])


def _menu(sheet: Sheet, phone: Phone, place: Place, words: Words) -> None:
    sheet.title(words["menu"], f"{place.at + 1}/{len(Item)}")
    counts = {Item.INBOX: len(phone.messages), Item.TICKETS: len(phone.tickets)}
    for row, item in enumerate(Item):
        name = words[f"item {item}"]
        count = counts.get(item)
        sheet.item(row, ITEM_ICONS[item], f"{name} ({count})" if count else name, chosen=row == place.at)
    sheet.foot(words["select"], words["back"])


def _list(sheet: Sheet, phone: Phone, place: Place, words: Words) -> None:
    """A window of the messages or tickets around the one picked."""
    listed = Seen(phone.messages, sheet.glass).listed(place.mode)
    name = words["item tickets" if place.mode is Mode.TICKETS else "item inbox"]
    held = picked(listed, place)
    if held is None:
        sheet.title(name)
        for row, line in enumerate(words["no_tickets" if place.mode is Mode.TICKETS else "no_messages"].split("\n")):
            sheet.line(row + 1, line, middle=True)
        sheet.foot("", words["back"])
        return
    index = listed.index(held)
    sheet.title(name, f"{index + 1}/{len(listed)}")
    first = _first_in_view(index, len(listed), sheet.glass.body_rows)
    for row, one in enumerate(listed[first : first + sheet.glass.body_rows]):
        sheet.item(row, _icon_of(one), one.headline or words["picture"], chosen=one is held)
    shows = place.mode is Mode.TICKETS and held.barcodes
    sheet.foot(words["open"], words["back"], middle=words["ok show"] if shows else "")


def _icon_of(held: Held) -> Bitmap:
    if held.stored:
        return TICKET
    if held.kind is Kind.SERVICE:
        return GLOBE
    if held.kind is Kind.PICTURE_MESSAGE:
        return PICTURE
    return OPENED if held.opened else ENVELOPE


def _read(sheet: Sheet, phone: Phone, place: Place, words: Words) -> None:
    held = picked(phone.messages, place)
    assert held
    laid = lines(held, sheet.glass)
    count = sheet.glass.body_rows
    sheet.title(held.title or held.sender, _position(place.at, len(laid), count))
    for row, line in enumerate(laid[place.at : place.at + count]):
        if line.picture is not None:
            sheet.picture(row, line.picture_px, line.picture, first=line.top_px)
            if not line.text and line.top_px == 0:
                sheet.say(row, f"[{words['picture']}]")
        sheet.line(row, line.text, left_px=line.left_px)
    primary = options(held)[0]
    sheet.foot(words["options"], words["back"], middle=words.get(f"ok {primary}", ""))


def _options(sheet: Sheet, phone: Phone, place: Place, words: Words) -> None:
    held = picked(phone.messages, place)
    assert held
    sheet.title(words["options"])
    for row, option in enumerate(options(held)):
        sheet.item(row, None, f"{row + 1} {words[f'option {option}']}", chosen=row == place.at)
    sheet.foot(words["select"], words["back"])


def _confirm(sheet: Sheet, _phone: Phone, _place: Place, words: Words) -> None:
    sheet.title(words["delete"])
    text = words["confirm"]
    for row, (start, end) in enumerate(wrap(text, sheet.glass.width, sheet.glass.measure)):
        sheet.line(row + 1, text[start:end], middle=True)
    sheet.foot(words["delete"], words["keep"])


def _number(sheet: Sheet, _phone: Phone, place: Place, words: Words) -> None:
    sheet.title(words["to"], "123")
    sheet.line(1, place.draft.to + "_")
    sheet.foot(words["next"], words["clear"] if place.draft.to else words["back"])


def _write(sheet: Sheet, _phone: Phone, place: Place, words: Words) -> None:
    """The end of what was typed, with the cursor after it."""
    draft, glass = place.draft, sheet.glass
    sheet.title(f"{draft.entry} {draft.to}", str(len(draft.text)))
    text = draft.text + ("" if draft.cycling else "_")
    laid = wrap(text, glass.width, glass.measure)[-glass.body_rows :]
    for row, (start, end) in enumerate(laid):
        sheet.line(row, text[start:end])
    if draft.cycling:
        # The letter that the same key would still change stands white on black.
        start, end = laid[-1]
        left = sum(map(glass.measure, text[start : end - 1]))
        sheet.mark(len(laid) - 1, left, glass.measure(text[end - 1]))
    sheet.foot(words["send"], words["clear"] if draft.text else words["back"])


def _browser(sheet: Sheet, phone: Phone, _place: Place, words: Words) -> None:
    """The page of the browser, as it laid it out for this screen."""
    assert phone.browser
    view = phone.browser.view()
    last = view.first_row + len(view.rows)
    more = f"{view.first_row + 1}-{last}/{view.total_rows}" if view.total_rows > len(view.rows) else ""
    sheet.title(view.title, view.entry or more)
    for row, laid in enumerate(view.rows):
        _browser_row(sheet, row, laid, words)
        if view.cursor == row:
            width = sum(sheet.glass.measure(char) for char in laid.text)
            sheet.canvas.fill(min(width, sheet.glass.width - 2), sheet.top_of(row), 1, sheet.glass.row_px - 1)
    sheet.foot(view.soft_left, view.soft_right, middle=view.ok)


def _browser_row(sheet: Sheet, row: int, laid: Row, words: Words) -> None:
    glass, top = sheet.glass, sheet.top_of(row)
    wide = laid.picture.bitmap.width if laid.picture else glass.measure_text(laid.text)
    # One pixel in, as a letter's last is its gap: an inverse one needs black on its left to be read.
    margin = 0 if laid.picture else 1
    left = {Align.LEFT: margin, Align.CENTER: (glass.width - wide) // 2, Align.RIGHT: glass.width - wide}[laid.align]
    if laid.picture:
        sheet.picture(row, left, laid.picture.bitmap, first=laid.picture.top_px)
        if laid.picture.inverse:
            # The picture that OK acts on is marked beside it: an inverted barcode would be no barcode.
            sheet.canvas.fill(max(0, left - 3), top, 2, glass.row_px)
        if laid.picture.top_px == 0:
            sheet.say(row, f"[{words['picture']}]")
        return
    at = left
    for run in laid.runs:
        end = sheet.canvas.text(at, top, run.text, glass.font)
        if run.strong and glass.is_roomy and _bears_bold(run.text):
            sheet.canvas.text(at + 1, top, run.text, glass.font)
        if run.link:
            # Where letters reach down to the line, it is dotted, or it would fill their feet.
            for dot in range(at, end - 1, 1 if glass.is_roomy else 2):
                sheet.canvas.fill(dot, top + glass.row_px - 1, 1, 1)
        if run.inverse:
            sheet.mark(row, max(0, at - 1), end - max(0, at - 1))
        at = end
    sheet.say(row, ("> " if any(run.inverse for run in laid.runs) else "") + laid.text.rstrip())


def _bears_bold(text: str) -> bool:
    """Drawn twice, a Hangul syllable fills up, and the digits of a PIN look all alike."""
    return text.isascii() and not any(char.isdigit() for char in text)


_SCREENS: Mapping[Mode, Callable[[Sheet, Phone, Place, Words], None]] = {
    Mode.MENU: _menu,
    Mode.INBOX: _list,
    Mode.TICKETS: _list,
    Mode.READ: _read,
    Mode.OPTIONS: _options,
    Mode.CONFIRM: _confirm,
    Mode.NUMBER: _number,
    Mode.WRITE: _write,
    Mode.BROWSER: _browser,
}
"""All but the barcode, which has no chrome."""


def _first_in_view(index: int, count: int, rows_shown: int) -> int:
    return max(0, min(index - rows_shown // 2, count - rows_shown))


def _position(row: int, count: int, rows_shown: int) -> str:
    """Which screenful of how many: `2/3`; nothing where all is in view."""
    pages = -(-count // rows_shown)
    return f"{min(pages, -(-row // rows_shown) + 1)}/{pages}" if pages > 1 else ""
