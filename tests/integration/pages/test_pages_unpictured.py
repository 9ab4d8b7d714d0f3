"""A ticket that gates take from its handset alone: no page, card or message shows what opens nothing."""

from __future__ import annotations

from builders import PUBLIC_URL, Stage, a_booking, a_catalogue, pin
from pages_kit import Visitor
from wap_kit import Phone

from app.domain.credential import shown
from app.flows.delivery import compose


async def test_a_product_that_wants_living_barcodes_has_no_picture_on_page_or_card(blank: Stage) -> None:
    shop = await a_catalogue(blank)
    made = await a_booking(blank, shop, worked=True)
    address = compose.link_of(blank.world, made.tickets[0]).removeprefix(PUBLIC_URL)
    visitor, phone = Visitor(blank), Phone(blank)
    assert len((await visitor.get(address)).tagged("img")) == len((await phone.get(f"/wap{address}")).pictures) == 1

    await blank.sql("""UPDATE product SET entry_rules = '{"faces": "living_or_pin"}'""")

    living_or_pin = await visitor.get(f"{address}?lang=en")
    assert living_or_pin.tagged("img") == []
    assert "Show the moving code in your app, or the number and PIN below." in living_or_pin.said
    assert (await phone.get(f"/wap{address}")).pictures == []
    for picture in (f"{address}/barcode.svg", f"/wap{address}.wbmp"):
        refused = await visitor.client.get(picture)
        assert refused.status_code == 422

    await blank.sql("""UPDATE product SET entry_rules = '{"faces": "living"}'""")
    living = await visitor.get(f"{address}?lang=en")
    assert "The gate takes only the moving code in your app." in living.said
    card = await phone.get(f"/wap{address}")
    assert "앱에서 여십시오." in card.said
    for said in (living.said, card.said):
        assert shown(made.tickets[0].number) in said
        assert pin(made.tickets[0]) not in said
        assert "PIN" not in said


async def test_a_vouchers_pin_pays_whatever_gates_take(blank: Stage) -> None:
    shop = await a_catalogue(blank)
    made = await a_booking(blank, shop, of="gift/open", category="gift", worked=True)
    await blank.sql("""UPDATE product SET entry_rules = '{"faces": "living"}'""")
    page = await Visitor(blank).get(compose.link_of(blank.world, made.tickets[0]).removeprefix(PUBLIC_URL))
    assert pin(made.tickets[0]) in page.said
