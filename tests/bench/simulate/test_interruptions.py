"""Interrupted behind any event, a deed is done once or never, and what is said of it is true."""

from __future__ import annotations

import pytest

from bench.simulate.interruptions import (
    BOOK,
    CANCEL,
    MOVE,
    Outcome,
    count_events,
    interrupt_at,
)
from bench.simulate.script import Script
from bench.simulate.suite import play_one
from bench.simulate.virtual_shop import VirtualShop
from voicecore.call.history import AgentSaid

WAYS = (
    {},
    {"late": True},
    {"hangs_up": True},
    {"hangs_up": True, "late": True},
)
SCRIPTS = (BOOK, MOVE, CANCEL)


async def outcomes(
    shop: VirtualShop, script: Script, *, every: int, ways: tuple[dict[str, bool], ...] = WAYS
) -> list[Outcome]:
    last = await count_events(shop, script)
    return [
        await interrupt_at(shop, script, position, **way)
        for position in range(1, last + 1)
        if position % every == 0
        for way in ways
    ]


def complaints(found: list[Outcome]) -> list[str]:
    return [
        f"behind {entry.event} ({entry.position}): {entry.problems}\n{entry.played.transcript()}"
        for entry in found
        if entry.problems
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
async def test_without_an_interruption_it_is_done(shop: VirtualShop, script: Script) -> None:
    played = await play_one(shop, script)
    assert len(played.rows.appointments) == 1
    assert played.rows.outcome == "agent"


async def test_a_booking_interrupted_behind_each_eighth_event(shop: VirtualShop) -> None:
    found = await outcomes(shop, BOOK, every=8)
    assert complaints(found) == []
    assert any(len(entry.played.rows.appointments) == 0 for entry in found)
    assert any(len(entry.played.rows.appointments) == 1 for entry in found)
    cut = [
        item
        for entry in found
        for item in entry.played.history
        if isinstance(item, AgentSaid) and not item.complete
    ]
    assert len(cut) > 5, "many of them have cut the agent off"


@pytest.mark.parametrize("script", [MOVE, CANCEL], ids=lambda script: script.name)
async def test_others_interrupted_behind_each_sixteenth_event(
    shop: VirtualShop, script: Script
) -> None:
    assert complaints(await outcomes(shop, script, every=16)) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
async def test_interrupted_behind_every_event(shop: VirtualShop, script: Script) -> None:
    assert complaints(await outcomes(shop, script, every=1)) == []


async def test_the_true_state_is_told_before_and_after_the_deed(shop: VirtualShop) -> None:
    last = await count_events(shop, BOOK)
    said = [
        " ".join(part.text for part in (await interrupt_at(shop, BOOK, position)).played.heard)
        for position in range(last // 2, last, 6)
    ]
    assert any("No, not yet" in text for text in said)
    assert any("Yes, your appointment is booked" in text for text in said)
