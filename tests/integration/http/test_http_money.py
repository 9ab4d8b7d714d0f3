"""Money that goes back over HTTP: buyers within the rule, staff by their scopes, and what everybody reads of it."""

from __future__ import annotations

import itertools

from builders import Stage, a_catalogue, an_issuer
from http_kit import NOBODY, OTHERS, Api, problem
from money_kit import a_dispute, at_the_desk, returned, returned_by_staff

from app.flows.books import settle

pytest_plugins = ("http_plugin",)


async def test_a_buyer_sees_what_may_go_back_and_has_it_back(api: Api) -> None:
    sold = await api.sold(api.wish(quantity=2))
    path = f"/bookings/{sold.id}/refunds"

    before = (await api.get(path, bearer=sold.link)).json()
    ticket = before["tickets"][0]["ticket"]
    answer = await api.post(path, {"tickets": [ticket]}, bearer=sold.link)
    after = (await api.get(path, bearer=sold.link)).json()

    assert (before["returnable"]["text"], before["refunds"]) == ("₩120,000", [])
    assert (answer.status_code, answer.json()["amount"]["amount"]) == (201, 60_000)
    (one,) = answer.json()["refunds"]
    assert (one["state"], one["tickets"], one["reason"]) == ("succeeded", [ticket], "buyer")
    assert after["refunds"] == answer.json()["refunds"]
    assert [(row["returnable"], row["reason"]) for row in after["tickets"]] == [(False, "returned"), (True, None)]
    assert after["tickets"][0]["words"]["ko"].startswith("이미 환불")
    assert (await sold.look())["state"] == "paid"


async def test_the_same_request_again_returns_nothing_more(api: Api) -> None:
    sold = await api.sold(api.wish(quantity=2))
    ticket = (await sold.ticket())["id"]

    answers = [
        await api.post(f"/bookings/{sold.id}/refunds", {"tickets": [ticket]}, bearer=sold.link, key="same-key-1")
        for _ in range(2)
    ]

    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert api.stage.card.taken() == 60_000


async def test_why_not_is_told_in_words_and_for_programs(api: Api) -> None:
    body = problem(await returned(api, times=2), 409, "wrong-state")

    assert body["reason"] == "returned"


async def test_only_the_buyer_and_staff_who_may_refund_return_a_booking(api: Api) -> None:
    sold, other = await api.sold(), await api.sold(api.wish(category="S") | {"buyer": OTHERS})
    path = f"/bookings/{sold.id}/refunds"

    problem(await api.post(path, {}, bearer=other.link), 404, "not-found")
    problem(await api.post(path, {}, bearer=await api.staff("sell", "read")), 403, "not-allowed")
    problem(await api.post(path, {}), 401, "not-authentic")
    assert (await api.post(path, {}, bearer=await api.staff("refund"))).status_code == 201


async def test_staff_need_a_note_and_a_supervisor_for_used_tickets(api: Api) -> None:
    sold = await api.sold()
    body = {"booking": sold.id, "note": "rain", "used_too": True}

    problem(await api.post("/staff/refunds", body | {"note": ""}, bearer=await api.staff()), 422, "invalid")
    refused = problem(await api.post("/staff/refunds", body, bearer=await api.staff("refund")), 403, "not-allowed")
    assert "'supervise'" in refused["detail"]
    allowed = await api.post("/staff/refunds", body, bearer=await api.staff("refund", "supervise"))
    assert (allowed.status_code, allowed.json()["refunds"][0]["asked_by"]) == (201, "box office")


async def test_refunds_are_listed_by_state(api: Api) -> None:
    await returned_by_staff(api)
    boss = await api.staff("refund")

    (one,) = (await api.get("/staff/refunds", bearer=boss, state="succeeded")).json()
    assert (one["note"], one["attempt"], one["amount"]["amount"]) == ("rain", 1, 60_000)
    assert (await api.get("/staff/refunds", bearer=boss, state="failed")).json() == []
    assert (await api.get("/staff/refunds", bearer=boss, after=one["id"])).json() == []


async def test_a_failed_refund_is_settled_by_hand_once(api: Api) -> None:
    answer = await at_the_desk(api, "by-hand")

    (one,) = answer.json()["refunds"]
    assert (one["state"], one["detail"]) == ("succeeded", "by hand: bank transfer 4711")
    again = await api.post(f"/staff/refunds/{one['id']}/by-hand", {"note": "x"}, bearer=await api.staff())
    problem(again, 409, "wrong-state")


async def test_a_dispute_shows_its_evidence_without_anybodys_number(api: Api) -> None:
    dispute = await a_dispute(api)

    body = (await api.get(f"/staff/disputes/{dispute}", bearer=await api.staff("money"))).json()

    assert (body["state"], body["withdrawn"], body["answered"]) == ("open", True, False)
    assert body["evidence"]["deliveries"][0]["handset"] == "+8210****5678"
    (listed,) = (await api.get("/staff/disputes", bearer=await api.staff("money"), state="open")).json()
    assert listed["id"] == dispute


async def test_a_statement_has_the_days_it_was_asked_for(api: Api) -> None:
    await api.sold(api.wish(quantity=2))
    query = {"issuer": "haneul", "from": "2026-11-22", "until": "2026-11-22"}

    body = (await api.get("/staff/statements", bearer=await api.staff("money"), **query)).json()

    assert (body["starts_at"], body["ends_at"]) == ("2026-11-21T15:00:00Z", "2026-11-22T15:00:00Z")
    assert (body["opening"]["amount"], body["closing"]["text"], body["paid_at"]) == (0, "₩120,000", None)
    (line,) = body["lines"]
    assert (line["kind"], line["product"], line["count"]) == ("sale", "play", 2)
    api.stage.clock.advance(days=1)
    await settle.mark_paid(api.stage.world, "haneul", note="x", by="x")
    assert (await api.get("/staff/statements", bearer=await api.staff("money"), **query)).json()["paid_at"]


async def test_another_issuers_staff_finds_none_of_it(blank: Stage) -> None:
    shop = await a_catalogue(blank)
    await a_catalogue(blank, an_issuer("other"))
    async with Api(blank, shop) as api:
        answer = await at_the_desk(api, "retry")
        refund, dispute = answer.json()["refunds"][0]["id"], await a_dispute(api)
        stranger = await api.staff(issuer="other")
        for one, verb in itertools.product((refund, NOBODY), ("retry", "by-hand")):
            problem(await api.post(f"/staff/refunds/{one}/{verb}", {"note": "x"}, bearer=stranger), 404, "not-found")
        problem(await api.get(f"/staff/disputes/{dispute}", bearer=stranger), 404, "not-found")
        problem(await api.get("/staff/statements", bearer=stranger, issuer="haneul"), 404, "not-found")
        assert (await api.get("/staff/refunds", bearer=stranger)).json() == []
        assert (await api.get("/staff/disputes", bearer=stranger)).json() == []
