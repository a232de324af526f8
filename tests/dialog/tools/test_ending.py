from __future__ import annotations

from dataclasses import replace

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import SHOP, world


async def test_the_end_of_the_call_is_told_to_the_session() -> None:
    hand = DeskHand(world())
    assert await hand.use("end_call") == {"status": "ending"}
    assert hand.last is not None
    assert hand.last.ends_call
    assert not hand.last.transfer


async def test_a_transfer_needs_somebody_who_takes_it() -> None:
    hand = DeskHand(world())
    assert await hand.use("transfer_to_human", reason="asks for it") == {"status": "transferring"}
    assert hand.last is not None
    assert hand.last.transfer
    alone = DeskHand(world(shop=replace(SHOP, transfer_number="")))
    assert (await alone.use("transfer_to_human", reason="x"))["error"] == "nobody_available"
    assert alone.last is not None
    assert not alone.last.transfer
