"""A ticket that gates take from its handset alone: its page and its card have no picture, and none is drawn."""

from __future__ import annotations

from builders import PUBLIC_URL, Stage, a_booking, a_catalogue
from pages_kit import Visitor
from wap_kit import Phone

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
    assert "The gate takes only the moving code in your app." in (await visitor.get(f"{address}?lang=en")).said
