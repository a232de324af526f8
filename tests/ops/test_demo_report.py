"""The demonstration's report: every promise can fail, each for its own reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
import pytest

from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed
from voicecore.ops.demo_report import (
    AgentSpeech,
    BookedRow,
    CallerTurn,
    Evidence,
    build_report,
)

ZONE = ZoneInfo("America/Chicago")
START = datetime(2026, 11, 25, 12, 0, tzinfo=ZONE)
SPOKEN = "Wednesday, November twenty-fifth at noon"


def tool(turn: int, name: str, **result: object) -> ToolUsed:
    return ToolUsed(turn, f"call_{turn}_{name}", name, "{}", orjson.dumps(result).decode(), ok=True)


def speech(text: str, *, words: int | None = None) -> AgentSpeech:
    heard = tuple(text.split())[:words]
    return AgentSpeech(text=text, words=heard, complete=len(heard) == len(text.split()))


def caller(text: str, manner: str, at_s: float, **figures: float | None) -> CallerTurn:
    values: dict[str, float | None] = {
        "voice_to_voice_ms": None if manner == "backchannel" else 900.0,
        "onset_to_clear_ms": None if manner == "say" else 45.0,
        "engine_ms": 4.0,
    } | figures
    return CallerTurn(
        text=text, manner=manner, onset_s=at_s, end_s=at_s + 1.0, stale_ms=0.0, **values
    )


HISTORY: tuple[HistoryItem, ...] = (
    AgentSaid(0, "How can I help?", complete=True),
    CallerSaid(1, "My number is three one two."),
    tool(
        1,
        "lookup_customer",
        found=True,
        vehicles=[{"label": "2019 Toyota Camry"}],
        last_visit={"service": "Oil change"},
    ),
    AgentSaid(1, "You have a Camry, last seen in March.", complete=True),
    CallerSaid(2, "I'd like an oil change."),
    tool(2, "get_available_slots", slots=[{"slot": "slot_1", "start": START.isoformat()}]),
    AgentSaid(2, f"I have {SPOKEN}.", complete=True),
    CallerSaid(3, "That one."),
    tool(3, "book_appointment", status="read_back", say=f"An oil change on {SPOKEN}."),
    AgentSaid(3, f"An oil change on {SPOKEN}. Shall I book it?", complete=True),
    CallerSaid(4, "Yes."),
    tool(4, "book_appointment", status="booked", spoken=SPOKEN),
    AgentSaid(4, "It is booked.", complete=True),
)
GOOD = Evidence(
    turns=(
        caller("My number is three one two.", "say", 5.0),
        caller("uh-huh", "backchannel", 20.0),
        caller("Wait, the afternoon?", "interrupt", 30.0),
    ),
    speeches=tuple(speech(item.text) for item in HISTORY if isinstance(item, AgentSaid)),
    history=HISTORY,
    barge_in_kinds=((20.05, "resume"), (30.05, "resume"), (30.4, "interrupt")),
    bookings=(
        BookedRow(
            appointment_id=7,
            bay="Bay 1",
            start=START,
            status="confirmed",
            calendar_event_id="abc",
            calendar_start=START,
        ),
    ),
    sms=(("SM1", "Northside: Oil change on Wed Nov 25, 12:00 PM"),),
    busy=(START - timedelta(hours=4), START - timedelta(hours=1)),
    underrun_ms=(),
    problems=(),
    script_error="",
)


def without(item: type, name: str) -> tuple[HistoryItem, ...]:
    return tuple(entry for entry in HISTORY if not (isinstance(entry, item) and entry.name == name))


def changed_booking(**values: object) -> tuple[BookedRow, ...]:
    return (replace(GOOD.bookings[0], **values),)


def test_a_good_call_misses_nothing() -> None:
    report, missing = build_report(GOOD)

    assert missing == ()
    assert set(report["steps"].values()) == {True}
    assert list(report["steps"]) == [
        "answered",
        "identified",
        "requested",
        "offered",
        "booked",
        "confirmed",
        "interrupted",
    ]
    assert report["booking"] == {
        "appointment_id": 7,
        "bay": "Bay 1",
        "start": "2026-11-25T12:00:00-06:00",
    }
    assert report["calendar_event_id"] == "abc"
    assert report["sms_sid"] == "SM1"
    assert report["turns"][0] == {
        "caller": "My number is three one two.",
        "voice_to_voice_ms": 900.0,
        "engine_ms": 4.0,
    }
    assert [(item["kind"], item["onset_to_clear_ms"]) for item in report["barge_ins"]] == [
        ("resume", 45.0),
        ("interrupt", 45.0),
    ]
    assert report["heard"][0] == "How can I help?"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"speeches": (speech("How can I help?", words=2),)}, "step answered"),
        ({"history": without(ToolUsed, "lookup_customer")}, "step identified"),
        ({"history": HISTORY[:4]}, "step requested"),
        ({"history": without(ToolUsed, "get_available_slots")}, "step offered"),
        ({"busy": (START, START + timedelta(hours=1))}, "step offered"),
        ({"bookings": ()}, "exactly one booking (there are 0)"),
        ({"bookings": GOOD.bookings * 2}, "exactly one booking (there are 2)"),
        ({"bookings": changed_booking(status="held")}, "step booked"),
        ({"bookings": changed_booking(calendar_event_id=None)}, "calendar_event_id"),
        (
            {"bookings": changed_booking(calendar_start=START + timedelta(hours=1))},
            "step booked",
        ),
        ({"history": (*HISTORY[:9], *HISTORY[10:])}, "step booked"),
        ({"history": (*HISTORY[:10], *HISTORY[11:])}, "step booked"),
        ({"sms": ()}, "sms_sid"),
        ({"sms": (("SM1", "Northside: Oil change on Thu Nov 26"),)}, "step confirmed"),
        ({"barge_in_kinds": ((20.05, "resume"),)}, "step interrupted"),
        ({"barge_in_kinds": ((30.05, "interrupt"),)}, "step interrupted"),
        ({"underrun_ms": (40.0,)}, "speech without gaps"),
        ({"problems": ("31951: field",)}, "a call without protocol problems"),
        ({"script_error": "waited in vain"}, "the caller's script: waited in vain"),
        (
            {"turns": (caller("Hello?", "say", 5.0, voice_to_voice_ms=None), *GOOD.turns[1:])},
            "an answer to 'Hello?' within 4000 ms",
        ),
        (
            {"turns": (replace(GOOD.turns[0], stale_ms=20.0), *GOOD.turns[1:])},
            "silence after a clear",
        ),
        (
            {"history": (*HISTORY, AgentSaid(5, "Words nobody heard", complete=False))},
            "a context without unheard words",
        ),
    ],
)
def test_each_promise_can_be_missed(change: dict[str, object], what: str) -> None:
    _, missing = build_report(replace(GOOD, **change))

    assert what in missing
