from __future__ import annotations

import pytest

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import NOW, ZONE, world


async def test_three_times_an_hour_apart_are_offered() -> None:
    slots = await DeskHand(world()).offer()
    assert [slot["slot"] for slot in slots] == ["slot_1", "slot_2", "slot_3"]
    assert [slot["spoken"].rpartition(" at ")[2] for slot in slots] == [
        "noon",
        "one p.m.",
        "two p.m.",
    ]
    assert slots[2]["start"] == "2026-11-26T14:00:00-06:00"


async def test_the_morning_is_before_noon() -> None:
    slots = await DeskHand(world()).offer(part_of_day="morning")
    assert [slot["start"][11:16] for slot in slots] == ["09:00", "10:00", "11:00"]


async def test_without_a_day_the_next_times_are_offered_and_those_fetched_ahead_used_once() -> None:
    hand = DeskHand(world())
    await hand.world.conversation.prefetch()
    before = hand.world.schedule.calls.count("free_slots")
    first = await hand.use("get_available_slots", service="oil_change")
    assert first["slots"][0]["start"].startswith("2026-11-24")
    assert hand.world.schedule.calls.count("free_slots") == before
    again = await hand.use("get_available_slots", service="oil_change")
    assert again == first
    assert hand.world.schedule.calls.count("free_slots") == before + 1


async def test_a_full_day_is_told_and_the_next_times_are_offered() -> None:
    result = await DeskHand(world()).use(
        "get_available_slots", **{"service": "oil_change", "from": "2026-11-28"}
    )
    assert result["note"].startswith("Nothing is free on Saturday, November twenty-eighth")
    assert result["slots"][0]["start"].startswith("2026-11-30")


async def test_few_times_are_offered_even_if_close_together() -> None:
    hand = DeskHand(world())
    for hour in range(9, 17):
        for minute in (0, 30):
            if (hour, minute) not in ((9, 0), (9, 30)):
                moment = NOW.replace(day=26, hour=hour, minute=minute, tzinfo=ZONE)
                hand.world.schedule.taken.add(moment)
    slots = await hand.offer(part_of_day="any")
    assert [slot["start"][8:16] for slot in slots[:2]] == ["26T09:00", "27T09:00"]


async def test_where_nothing_is_free_the_model_is_told_to_ask() -> None:
    hand = DeskHand(world())
    hand.world.schedule.always_full = True
    result = await hand.use("get_available_slots", service="oil_change")
    assert result["slots"] == []
    assert "another day" in result["ask"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"service": "rocket"}, "service_unclear"),
        ({"service": "oil_change", "from": "Thursday"}, "date_not_iso"),
        ({"service": "oil_change", "from": "2026-11-01"}, "date_past"),
    ],
)
async def test_what_is_unclear_is_asked(arguments: dict[str, str], error: str) -> None:
    assert (await DeskHand(world()).use("get_available_slots", **arguments))["error"] == error


async def test_a_time_is_taken_as_it_was_said_and_the_nearest_ones_are_offered() -> None:
    hand = DeskHand(world())
    slots = await hand.offer(part_of_day="any", at="half past two")
    assert [slot["start"][11:16] for slot in slots] == ["14:00", "14:30", "15:00"]
    late = await hand.use("get_available_slots", service="oil_change", at="eleven p.m.")
    assert late["error"] == "time_closed"
    unclear = await hand.use("get_available_slots", service="oil_change", at="whenever")
    assert unclear["error"] == "time_missing"


async def test_a_date_that_is_not_the_day_that_was_said_is_asked_back() -> None:
    hand = DeskHand(world())
    hand.hear("Thursday afternoon, please.")
    wrong = await hand.use("get_available_slots", **{"service": "oil_change", "from": "2026-11-27"})
    assert wrong["error"] == "date_differs"
    assert "Thursday, November twenty-sixth" in wrong["ask"]
    assert len(await hand.offer()) == 3


async def test_whoever_is_known_may_ask_for_the_technician_of_the_last_visit() -> None:
    hand = DeskHand(world())
    wish = {"service": "oil_change", "technician": "same_as_last_time"}
    assert (await hand.use("get_available_slots", **wish))["error"] == "not_identified"
    await hand.identify()
    assert (await hand.use("get_available_slots", **wish))["slots"]
    assert hand.world.schedule.technician_for == 4711
