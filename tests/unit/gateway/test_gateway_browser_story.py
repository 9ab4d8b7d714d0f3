"""The patent's ten steps on a phone of 2000 alone: keys and nothing else, from the first page to the stored ticket."""

from __future__ import annotations

from urllib.parse import parse_qsl

from surfer_kit import BARCODE, HOME, SITE, Site, Surfer, deck, page

from mobile_gateway.browser import Fetch

HOME_DECK = deck(
    """<card id="home" title="Cyberticket" newcontext="true"><p>
    <a href="#find">Find a show</a><br/><a href="/wap/mine">My tickets</a></p></card>""",
    """<card id="find" title="Find">
    <do type="accept" label="Find"><go href="/wap/found"><postfield name="q" value="$(word)"/></go></do>
    <p>What? <input name="word" title="What" format="*m" maxlength="20"/></p>
    <p><a href="/wap/found?q=$(word)">Find</a></p></card>""",
)
FOUND = deck(
    """<card title="Cats"><do type="prev" label="Home"><go href="/wap"/></do>
    <p>When?<select name="day"><option value="1124">Tue 24</option><option value="1125">Wed 25</option></select></p>
    <p>Seat? <input name="seat" format="AN" title="Row, seat" maxlength="2"/></p>
    <p><anchor>Is it free?<go href="/wap/ask" method="post">
    <postfield name="day" value="$(day)"/><postfield name="seat" value="$(seat)"/></go></anchor></p></card>"""
)
SOLD_OUT = page('Seat $(seat:noesc) is sold. <a href="/wap/ask?day=$day&amp;seat=B3">B3 is free</a>', title="Sorry")
PAY = deck(
    """<card id="pay" title="B3 is free"><p>15,000 won<br/>
    Pay by <select name="means" iname="m" ivalue="1"><option value="card">Card</option>
    <option value="emoney">E-money</option></select></p>
    <p>Ticket to <input name="to" format="*N" maxlength="11" title="Phone"/></p>
    <p>PIN <input name="pin" type="password" format="NNNN" title="PIN"/></p>
    <do type="accept" label="Pay"><go href="/wap/pay" method="post"><postfield name="means" value="$(means)"/>
    <postfield name="to" value="$(to)"/><postfield name="pin" value="$(pin)"/></go></do></card>"""
)
REFUSED = page(
    'Card refused. Pay otherwise or <a href="/wap">give up</a>',
    title="Refused",
    rest='<do type="accept" label="Other"><prev><setvar name="m" value="2"/></prev></do>',
)
TICKET = deck(
    """<card title="Ticket" newcontext="true"><p align="center"><img src="/wap/t/1.wbmp" alt="barcode"/></p>
    <p><b>Cats</b> B3, 24 Nov<br/>No. 123456789-7</p></card>"""
)


def pay(request: Fetch) -> str:
    sent = dict(parse_qsl(request.body.decode()))
    assert sent["to"] == "01087654321"
    return TICKET if sent["means"] == "emoney" and sent["pin"] == "4711" else REFUSED


def ask(request: Fetch) -> str:
    assert dict(parse_qsl(request.body.decode())) == {"day": "1125", "seat": "A7"}
    return SOLD_OUT


SITE_PAGES: Site = {
    "/wap": HOME_DECK,
    "/wap/found?q=cats": FOUND,
    "/wap/ask": ask,
    "/wap/ask?day=1125&seat=B3": PAY,
    "/wap/pay": pay,
    "/wap/t/1.wbmp": BARCODE,
}


def test_the_ten_steps_with_keys_alone() -> None:
    phone = Surfer(SITE_PAGES)
    # 1: the buyer reaches the sales server from the phone
    assert phone.screen.title == "Cyberticket"
    assert phone.lines == ["<Find a show>", "My tickets"]
    # 2: and enters what is wanted
    phone.press("ok", "ok", *"222", "#", "2", "8", *"7777", "ok")
    assert phone.lines == ["What? <[cats]>", "Find"]
    phone.press("down", "ok", "ok", "2", "down", "ok", "2", "7", "ok")
    assert phone.lines == ["When?[Wed 25]", "Seat? <[A7]>", "Is it free?"]
    # 3, 4: not available: the screen says so and offers a second choice
    phone.press("down", "ok")
    assert phone.text == "Seat A7 is sold. <B3 is free>"
    # 5: available: means of payment, and the handset that the ticket goes to
    phone.press("ok")
    assert phone.screen.title == "B3 is free"
    phone.press("down", "ok", *"01087654321", "ok", "down", "ok", *"4711")
    assert phone.lines == ["****"]
    phone.press("ok")
    # 6, 7: refused: another means
    phone.press("send")
    assert phone.screen.title == "Refused"
    assert phone.screen.soft_left == "Options"
    phone.press("send")
    assert phone.lines[1] == "Pay by [E-money]"
    # 8, 9: approved: the ticket is there, is shown, and is stored
    phone.press("soft_left")
    assert phone.lines[0].startswith("<Pay ")
    phone.press("ok")
    assert phone.lines == ["#", "#", "Cats B3, 24 Nov", "No. 123456789-7"]
    phone.press("soft_left", "ok")
    (ticket,) = phone.kept
    assert ticket.title == "Ticket"
    assert ticket.text == "Cats B3, 24 Nov\nNo. 123456789-7"
    assert ticket.pictures == (BARCODE,)
    # the way back does not lead into the purchase again
    phone.press("back")
    assert phone.left
    assert phone.asked[0] == Fetch(HOME)
    assert phone.asked[-2] == Fetch(
        f"{SITE}/wap/pay",
        "POST",
        b"means=emoney&to=01087654321&pin=4711",
        "application/x-www-form-urlencoded; charset=utf-8",
    )
