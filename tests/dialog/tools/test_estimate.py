from __future__ import annotations

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import (
    MARIA,
    THURSDAY_TWO,
    ExtraWork,
    MemorySchedule,
    MemoryWorkshop,
    world,
)

BRAKES = ExtraWork(7, 500, "Front brake pads", 28900)


async def ready(*work: ExtraWork) -> tuple[DeskHand, MemoryWorkshop]:
    schedule, workshop = MemorySchedule(), MemoryWorkshop(list(work))
    schedule.add(MARIA, THURSDAY_TWO)
    hand = DeskHand(world(schedule=schedule, workshop=workshop))
    await hand.identify()
    return hand, workshop


async def test_extra_work_is_approved_by_a_yes_to_work_and_price() -> None:
    hand, workshop = await ready(BRAKES)
    status = await hand.use("service_status")
    assert status["extra_work"] == [
        {
            "estimate": "estimate_1",
            "work": "Front brake pads",
            "price_spoken": "two hundred eighty-nine dollars",
        }
    ]
    done = await hand.agree("answer_estimate", estimate="estimate_1", answer="approve")
    assert done["status"] == "approved"
    assert workshop.answers == [(7, True)]
    again = await hand.use("answer_estimate", estimate="estimate_1", answer="approve")
    assert again["status"] == "approved"
    assert len(workshop.answers) == 1
    assert hand.world.conversation.review("I have approved it.") == "I have approved it."


async def test_it_is_declined_by_a_yes_to_leaving_it() -> None:
    hand, workshop = await ready(BRAKES)
    await hand.use("service_status")
    done = await hand.agree("answer_estimate", estimate="estimate_1", answer="decline")
    assert done["status"] == "declined"
    assert workshop.answers == [(7, False)]


async def test_without_the_price_heard_or_with_a_no_nothing_is_passed_on() -> None:
    hand, workshop = await ready(BRAKES)
    await hand.use("service_status")
    wanted = {"estimate": "estimate_1", "answer": "approve"}
    await hand.use("answer_estimate", **wanted)
    hand.say("Shall I approve it?")
    hand.hear("Yes.")
    assert (await hand.use("answer_estimate", **wanted))["status"] == "read_back"
    hand.say((await hand.use("answer_estimate", **wanted))["say"])
    hand.hear("No, that is too expensive.")
    assert (await hand.use("answer_estimate", **wanted))["status"] == "read_back"
    assert workshop.answers == []
    assert hand.world.conversation.review("I have approved it.") == "One moment please."


async def test_without_extra_work_there_is_nothing_to_approve() -> None:
    hand, _ = await ready()
    assert "extra_work" not in await hand.use("service_status")
    result = await hand.use("answer_estimate", estimate="estimate_1", answer="approve")
    assert result["error"] == "not_now"


async def test_an_answer_that_the_workshop_does_not_take_is_no_deed() -> None:
    hand, workshop = await ready(BRAKES)
    await hand.use("service_status")
    workshop.refuses = True
    done = await hand.agree("answer_estimate", estimate="estimate_1", answer="approve")
    assert done["error"] == "not_passed_on"
