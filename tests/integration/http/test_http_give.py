"""Giving a ticket over HTTP: who may, what the receiver gets, and what the giver can see no more."""

from __future__ import annotations

import re

from builders import BUYER, FRIEND
from http_kit import OTHERS, OWN, Api, link_in, pointers, problem

pytest_plugins = ("http_plugin",)


async def test_the_holder_gives_by_the_link_of_the_message(api: Api) -> None:
    sold = await api.sold()
    ticket = (await sold.ticket())["id"]
    link = link_in(api.stage.carrier.inbox(BUYER)[0])

    first = await api.post(f"/tickets/{ticket}/gift", {"handset": OTHERS}, bearer=link, key="gift-0001")
    again = await api.post(f"/tickets/{ticket}/gift", {"handset": OTHERS}, bearer=link, key="gift-0001")
    await api.stage.work()

    assert (first.status_code, first.json()["handset"]) == (201, "010-••••-4321")
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert len(api.stage.carrier.inbox(FRIEND)) == 1
    assert "is now with" in api.stage.carrier.inbox(BUYER)[-1]


async def test_what_a_buyer_gave_away_is_the_receivers_alone(api: Api) -> None:
    sold = await api.sold()
    ticket = (await sold.ticket())["id"]
    given = await api.post(f"/tickets/{ticket}/gift", {"handset": OTHERS}, bearer=sold.link)
    await api.stage.work()
    new = given.json()["ticket"]
    receiver = link_in(api.stage.carrier.inbox(FRIEND)[0])

    for rest in ("", "/barcode.svg"):
        problem(await api.get(f"/tickets/{new}{rest}", bearer=sold.link), 404, "not-found")
        assert (await api.get(f"/tickets/{new}{rest}", bearer=receiver)).status_code == 200
    for verb in ("resend", "gift"):
        problem(await api.post(f"/tickets/{new}/{verb}", {"handset": OWN}, bearer=sold.link), 404, "not-found")
    page = await api.client.get(f"/t/{link_in(api.stage.carrier.inbox(BUYER)[0])}")
    assert not re.search(r"barcode\.(svg|png)", page.text)


async def test_a_buyer_does_not_give_away_what_is_with_somebody_else(api: Api) -> None:
    sold = await api.sold(api.wish(handsets=[OTHERS]))
    ticket = (await sold.ticket())["id"]

    problem(await api.post(f"/tickets/{ticket}/gift", {"handset": OWN}, bearer=sold.link), 409, "wrong-state")
    holder = link_in(api.stage.carrier.inbox(FRIEND)[0])
    assert (await api.post(f"/tickets/{ticket}/gift", {"handset": OWN}, bearer=holder)).status_code == 201


async def test_a_gift_to_what_is_no_mobile_names_the_field(api: Api) -> None:
    sold = await api.sold()
    ticket = (await sold.ticket())["id"]

    assert set(pointers(await api.post(f"/tickets/{ticket}/gift", {"handset": "02-312-3456"}, bearer=sold.link))) == {
        "/handset"
    }
    problem(await api.post(f"/tickets/{ticket}/gift", {"handset": OWN}, bearer=sold.link), 422, "bad-handset")


async def test_the_givers_page_says_where_the_ticket_is(api: Api) -> None:
    sold = await api.sold()
    link = link_in(api.stage.carrier.inbox(BUYER)[0])
    await api.post(f"/tickets/{(await sold.ticket())['id']}/gift", {"handset": OTHERS}, bearer=link)

    assert "You gave this ticket away" in (await api.client.get(f"/t/{link}?lang=en")).text


async def test_a_gift_goes_back_to_its_giver_once(api: Api) -> None:
    sold = await api.sold()
    ticket = (await sold.ticket())["id"]
    given = (await api.post(f"/tickets/{ticket}/gift", {"handset": OTHERS}, bearer=sold.link)).json()["ticket"]
    await api.stage.work()
    receiver = link_in(api.stage.carrier.inbox(FRIEND)[0])

    problem(await api.post(f"/tickets/{given}/decline", bearer=sold.link), 404, "not-found")
    first = await api.post(f"/tickets/{given}/decline", bearer=receiver, key="back-0001")
    again = await api.post(f"/tickets/{given}/decline", bearer=receiver, key="back-0001")

    assert (first.status_code, first.json()["handset"]) == (201, "010-••••-5678")
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    back = first.json()["ticket"]
    assert (await api.get(f"/tickets/{back}", bearer=sold.link)).status_code == 200


async def test_what_was_bought_does_not_go_back_as_a_gift(api: Api) -> None:
    sold = await api.sold()
    ticket = (await sold.ticket())["id"]

    problem(await api.post(f"/tickets/{ticket}/decline", bearer=sold.link), 409, "wrong-state")


async def test_staff_see_everybody_who_had_a_ticket(api: Api) -> None:
    sold = await api.sold()
    ticket = (await sold.ticket())["id"]
    given = (await api.post(f"/tickets/{ticket}/gift", {"handset": OTHERS}, bearer=sold.link)).json()["ticket"]
    boss = await api.staff("read")

    links = (await api.get(f"/staff/tickets/{given}/chain", bearer=boss)).json()["chain"]

    assert [(one["ticket"], one["how"], one["handset"], one["state"]) for one in links] == [
        (ticket, "sold", "010-••••-5678", "revoked"),
        (given, "given", "010-••••-4321", "valid"),
    ]
    assert (links[0]["bought_by"], links[0]["why"]) == ("010-••••-5678", "given to another handset, ending in 4321")
