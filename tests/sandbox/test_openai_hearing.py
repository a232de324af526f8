from __future__ import annotations

import pytest

from voicecore.sandbox import openai_hearing as hearing
from voicecore.sandbox.openai_hearing import Offer

CALENDAR = [
    ("2026-11-24", "Tuesday, November twenty-fourth"),
    ("2026-11-25", "Wednesday, November twenty-fifth"),
    ("2026-11-26", "Thursday, November twenty-sixth"),
    ("2026-11-27", "Friday, November twenty-seventh"),
    ("2026-12-01", "Tuesday, December first"),
]
SERVICES = {"oil_change": "Oil change", "brake_inspection": "Brake inspection", "tires": "Tires"}
OFFERS = [
    Offer("slot_1", "2026-11-26T09:00:00-06:00", "Thursday, November twenty-sixth at nine a.m."),
    Offer(
        "slot_2", "2026-11-26T09:30:00-06:00", "Thursday, November twenty-sixth at nine thirty a.m."
    ),
    Offer("slot_3", "2026-11-27T14:00:00-06:00", "Friday, November twenty-seventh at two p.m."),
]


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("I'd like to book an appointment", "book"),
        ("How much is an oil change?", "price"),
        ("What are your opening hours?", "hours"),
        ("Can I talk to a human?", "human"),
        ("I want to cancel my appointment", "cancel"),
        ("Can we reschedule?", "move"),
        ("Is my car ready?", "status"),
        ("Where are you?", "address"),
        ("Blue.", ""),
    ],
)
def test_wishes(text: str, wish: str) -> None:
    assert hearing.wish(text) == wish


@pytest.mark.parametrize(
    ("text", "is_phone"),
    [
        ("three one two five five five oh one four two", True),
        ("my number is 312 555 0142", True),
        ("three one two double five five oh one forty two", True),
        ("the two o'clock one", False),
        ("a 2019 Camry", False),
    ],
)
def test_phone_numbers_are_noticed(text: str, is_phone: bool) -> None:
    assert hearing.says_phone(text) is is_phone


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Thursday afternoon", "2026-11-26"),
        ("what about tomorrow", "2026-11-25"),
        ("the day after tomorrow", "2026-11-26"),
        ("today", "2026-11-24"),
        ("November twenty-seventh", "2026-11-27"),
        ("next Tuesday", "2026-12-01"),
        ("whenever", ""),
    ],
)
def test_days(text: str, day: str) -> None:
    assert hearing.day(text, CALENDAR) == day


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("the first one", "slot_1"),
        ("The second, please.", "slot_2"),
        ("the last one", "slot_3"),
        ("Friday", "slot_3"),
        ("the afternoon one", "slot_3"),
        ("two p.m. works", "slot_3"),
        ("let's do nine thirty", "slot_2"),
        ("at nine", "slot_1"),
        ("Thursday", ""),
        ("ten o'clock", ""),
        ("hmm", ""),
    ],
)
def test_choices(text: str, slot: str) -> None:
    assert hearing.choice(text, OFFERS, CALENDAR) == slot


def test_services() -> None:
    assert hearing.service("my brakes squeak", SERVICES) == "brake_inspection"
    assert hearing.service("an oil change", SERVICES) == "oil_change"
    assert hearing.service("a tire", SERVICES) == "tires"
    assert hearing.service("something else", SERVICES) == ""


def test_yes_no_bye_and_thanks() -> None:
    assert hearing.agrees("Yes, go ahead")
    assert not hearing.agrees("Yes, but Friday")
    assert hearing.refuses("no")
    assert hearing.says_goodbye("that's all, bye")
    assert hearing.says_thanks("thank you")
    assert hearing.asks_for_other_times("what about Friday?")
    assert hearing.part_of_day("in the morning") == "morning"
