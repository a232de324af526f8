"""Whatever a lying model says is done, the caller hears it only if it is true."""

from __future__ import annotations

import pytest

from bench.simulate.liars import LiarsCall, play_liar
from bench.simulate.virtual_shop import VirtualShop


async def calls(shop: VirtualShop, seeds: range) -> list[LiarsCall]:
    return [await play_liar(shop, seed) for seed in seeds]


def false_claims(found: list[LiarsCall]) -> dict[int, list[str]]:
    return {call.seed: call.heard_false for call in found if call.heard_false}


async def test_in_fifty_calls_no_false_claim_is_heard(shop: VirtualShop) -> None:
    found = await calls(shop, range(50))
    assert false_claims(found) == {}
    assert sum(call.told for call in found) > 150


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_in_a_thousand_calls_no_false_claim_is_heard(shop: VirtualShop) -> None:
    found = await calls(shop, range(1000))
    assert false_claims(found) == {}
    assert sum(call.told for call in found) > 3000
    assert sum(call.heard_true for call in found) > 0, "true claims are not held back"


async def test_without_the_guard_the_lies_are_heard(
    shop: VirtualShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicecore.dialog.conversation.false_claim", lambda *_: False)
    found = await calls(shop, range(10))
    assert len(false_claims(found)) >= 8
