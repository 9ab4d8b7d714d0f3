"""What a phone can show, said by its buyer or by staff; and what staff see of the channels that were tried."""

from __future__ import annotations

from builders import BUYER
from http_kit import Api

from app.domain.delivery import Try, TryOutcome
from app.store import messages

pytest_plugins = ("http_plugin",)


async def profile(api: Api) -> object:
    return await api.stage.value("SELECT profile FROM handset_profile WHERE handset = :handset", handset=BUYER)


async def test_a_buyer_says_it_while_paying(api: Api) -> None:
    booked = await api.booked()
    card = {"instrument": {"kind": "card", "token": "pm_card_visa"}, "phone": "ems"}

    answer = await api.post(f"/bookings/{booked.id}/payments", card, bearer=booked.link)

    assert answer.status_code == 200, answer.text
    assert await profile(api) == "ems"


async def test_who_says_nothing_changes_nothing_and_a_wrong_word_is_refused(api: Api) -> None:
    booked = await api.booked()
    body = {"instrument": {"kind": "card", "token": "pm_card_visa"}, "phone": "fax"}

    assert (await api.post(f"/bookings/{booked.id}/payments", body, bearer=booked.link)).status_code == 422
    assert (await booked.pay()).status_code == 200
    assert await profile(api) is None


async def test_staff_say_it_for_any_phone_and_the_latest_word_counts(api: Api) -> None:
    headers = {"authorization": f"Bearer {await api.staff()}"}
    for wanted in ("wap", "ems"):
        path = "/staff/handsets/010-1234-5678/profile"
        answer = await api.client.put(path, json={"profile": wanted}, headers=headers)
        assert answer.status_code == 204, answer.text

    assert await profile(api) == "ems"


async def test_staff_see_every_try_of_a_message(api: Api) -> None:
    await api.sold()
    identity = await api.stage.value("SELECT id FROM delivery")
    async with api.stage.world.transaction() as tx:
        again = Try("sms_http", TryOutcome.REJECTED, "the carrier says expired")
        await messages.tried(tx, identity, again, now=api.stage.clock.now())

    (shown,) = (await api.get("/staff/deliveries", bearer=await api.staff())).json()

    assert [(one["channel"], one["outcome"], one["reason"]) for one in shown["tries"]] == [
        ("sms_http", "accepted", None),
        ("sms_http", "rejected", "the carrier says expired"),
    ]
