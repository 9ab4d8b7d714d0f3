"""A gate over HTTP besides letting in: value, undo, a supervisor's search and decision, who is inside."""

from __future__ import annotations

from typing import Any

import pytest
from builders import BUYER
from http_kit import OWN, Api, pointers, problem, spoken_pin

pytest_plugins = ("http_plugin",)

WHY = "battery empty, has an ID"


async def typed(api: Api, sold: Any) -> str:
    """Number and PIN as the message of the last ticket says them."""
    return f"{(await sold.ticket())['number']} {spoken_pin(api.stage.carrier.inbox(BUYER)[-1])}"


async def a_ticket(api: Api) -> str:
    sold = await api.sold()
    api.stage.clock.advance(days=2, minutes=-30)
    return await typed(api, sold)


async def ask(api: Api, token: str, path: str, **body: Any) -> Any:
    answer = await api.post(f"/gate/{path}", body, bearer=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_voucher_is_redeemed_and_the_redemption_undone(api: Api) -> None:
    price = str(api.shop.price("gift/gift"))
    sold = await api.sold({"product": str(api.shop.products["gift"]), "lines": [{"price": price}], "buyer": OWN})
    voucher = await typed(api, sold)
    _, till = await api.gate()

    paid = await ask(api, till, "redemptions", scan_id="1", presented=voucher, amount=4_500)
    short = await ask(api, till, "redemptions", scan_id="2", presented=voucher, amount=45_501)
    back = await ask(api, till, "undo", scan_id="3", undoes="1")

    assert (paid["admit"], paid["reason"], paid["colour"], paid["ticket"]["balance"]) == (
        True, "redeemed", "green", 45_500,
    )  # fmt: skip
    assert (short["reason"], short["words"]["en"]) == ("balance_too_low", "The balance is too low. ₩45,500 is left.")
    assert (back["reason"], back["ticket"]["balance"], back["face"]) == ("undone", 50_000, None)


async def test_a_supervisor_finds_a_ticket_and_lets_its_holder_in(api: Api) -> None:
    await a_ticket(api)
    _, gate = await api.gate(role="supervisor", area="hall")

    found = await ask(api, gate, "search", digits="5678")
    chosen = found["tickets"][0]
    let_in = await ask(api, gate, "overrides", scan_id="1", ticket=chosen["id"], reason=WHY)
    inside = (await api.get("/gate/occupancy", bearer=gate)).json()

    assert (len(found["tickets"]), found["more"], chosen["state"], chosen["handset"]) == (1, False, "valid", "5678")
    assert (let_in["reason"], let_in["ticket"]["inside"]) == ("overridden", 1)
    assert (inside["areas"], inside["inside"]) == ([{"area": "hall", "inside": 1}], 1)


async def test_people_go_in_and_out_by_a_gate_for_both(api: Api) -> None:
    ticket = await a_ticket(api)
    _, gate = await api.gate(direction="both", area="hall")

    told = [
        (await ask(api, gate, "admissions", scan_id=str(number), presented=ticket, direction=direction))["reason"]
        for number, direction in enumerate(("in", "out", "out"))
    ]

    assert told == ["admitted", "left", "not_inside"]


async def test_a_steward_is_told_to_call_the_supervisor(api: Api) -> None:
    _, gate = await api.gate()
    for path, body in (
        ("overrides", {"scan_id": "1", "presented": "x", "reason": WHY}),
        ("search", {"digits": "5678"}),
        ("admissions", {"scan_id": "1", "presented": "x", "direction": "out"}),
    ):
        problem(await api.post(f"/gate/{path}", body, bearer=gate), 403, "not-allowed")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("admissions", {"scan_id": "1", "presented": "x", "count": 0}, "/count"),
        ("admissions", {"scan_id": "1", "presented": "x", "count": 101}, "/count"),
        ("redemptions", {"scan_id": "1", "presented": "x", "amount": 0}, "/amount"),
        ("undo", {"scan_id": "1"}, "/undoes"),
        ("overrides", {"scan_id": "1", "presented": "x", "reason": ""}, "/reason"),
        ("overrides", {"scan_id": "1", "presented": "x", "reason": "called 010-1234-5678"}, "/reason"),
        ("overrides", {"scan_id": "1", "reason": WHY}, ""),
        ("search", {"digits": "567"}, "/digits"),
        ("search", {"digits": "56a8"}, "/digits"),
    ],
)
async def test_an_invalid_request_names_its_part(api: Api, path: str, body: dict[str, Any], pointer: str) -> None:
    _, gate = await api.gate(role="supervisor")

    assert set(pointers(await api.post(f"/gate/{path}", body, bearer=gate))) == {pointer}
