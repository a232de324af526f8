from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.calls import CallJournal, Direction, Role
from crm.errors import InputError

SID = "CA" + "0123456789abcdef" * 2
START = datetime(2026, 11, 24, 14, tzinfo=UTC)
END = START + timedelta(minutes=3)
TEXT = "On Thursday at two?"
TURN: dict[str, Any] = {"turn": 1, "role": Role.AGENT, "text": TEXT, "at": START}


@pytest.fixture
def journal(pool: asyncpg.Pool) -> CallJournal:
    return CallJournal(pool)


async def read(pool: asyncpg.Pool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    call = dict(await pool.fetchrow("SELECT * FROM calls"))
    call.pop("updated_at")
    turns = await pool.fetch("SELECT * FROM call_turns ORDER BY turn, role")
    return call, [dict(row) for row in turns]


def entries(journal: CallJournal) -> list[Callable[[], Awaitable[None]]]:
    return [
        lambda: journal.call_started(
            SID, direction=Direction.OUTBOUND, at=START, from_e164="+13125550142"
        ),
        lambda: journal.turn_recorded(SID, **TURN, latency_ms=640),
        lambda: journal.call_ended(SID, at=END, outcome="booked", stats={"turns": 4}),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_entries_may_come_twice_and_in_any_order(
    journal: CallJournal, pool: asyncpg.Pool, order: tuple[int, ...]
) -> None:
    writes = entries(journal)
    for number in (*order, *order):
        await writes[number]()
    call, turns = await read(pool)
    assert call["direction"] == "outbound"
    assert call["from_e164"] == "+13125550142"
    assert (call["started_at"], call["ended_at"]) == (START, END)
    assert call["outcome"] == "booked"
    assert json.loads(call["stats"]) == {"turns": 4}
    (turn,) = turns
    assert (turn["text"], turn["latency_ms"], turn["interrupted"]) == (TEXT, 640, False)


async def test_what_was_heard_is_added_to_the_turn_later(
    journal: CallJournal, pool: asyncpg.Pool
) -> None:
    await journal.turn_recorded(SID, **TURN, latency_ms=640)
    later = TURN | {"at": END, "detail": {"tool": "book_appointment"}}
    await journal.turn_recorded(SID, **later, heard="On Thursday", interrupted=True)
    await journal.turn_recorded(SID, **TURN)
    _, (turn,) = await read(pool)
    assert (turn["heard"], turn["interrupted"]) == ("On Thursday", True)
    assert (turn["latency_ms"], turn["at"]) == (640, START)
    assert json.loads(turn["detail"]) == {"tool": "book_appointment"}


async def test_both_sides_of_a_turn_are_kept(journal: CallJournal, pool: asyncpg.Pool) -> None:
    await journal.turn_recorded(SID, **TURN)
    await journal.turn_recorded(SID, turn=1, role="caller", text="Yes please", at=START)
    _, turns = await read(pool)
    assert [turn["role"] for turn in turns] == ["agent", "caller"]


async def test_a_call_ends_once(journal: CallJournal, pool: asyncpg.Pool) -> None:
    await journal.call_ended(SID, at=END, outcome="booked", summary="Oil change on Thursday")
    await journal.call_ended(SID, at=END + timedelta(hours=1), outcome="lost", summary="?")
    call, _ = await read(pool)
    assert (call["ended_at"], call["outcome"]) == (END, "booked")
    assert call["summary"] == "Oil change on Thursday"


async def test_a_clock_that_ran_backwards_costs_no_entry(
    journal: CallJournal, pool: asyncpg.Pool
) -> None:
    await journal.call_started(SID, direction=Direction.INBOUND, at=END)
    await journal.call_ended(SID, at=START, outcome="hung_up")
    call, _ = await read(pool)
    assert call["ended_at"] == call["started_at"] == END


async def test_a_caller_who_is_recognised_later_is_added(
    journal: CallJournal, pool: asyncpg.Pool
) -> None:
    person = await pool.fetchval(
        "INSERT INTO customers (first_name, last_name) VALUES ('A', 'B') RETURNING customer_id"
    )
    await journal.call_started(SID, direction=Direction.INBOUND, at=START)
    await journal.call_started(SID, direction=Direction.INBOUND, at=START, customer_id=person)
    await journal.call_started(SID, direction=Direction.INBOUND, at=START)
    call, _ = await read(pool)
    assert call["customer_id"] == person


@pytest.mark.parametrize("sid", ["", "CA'; DROP TABLE calls; --", "C" * 65, "CA\0", "ÇA1", "CA 1"])
async def test_a_bad_call_sid_is_refused(journal: CallJournal, sid: str) -> None:
    with pytest.raises(InputError, match="call_sid"):
        await journal.call_started(sid, direction=Direction.INBOUND, at=START)
    with pytest.raises(InputError, match="call_sid"):
        await journal.turn_recorded(sid, **TURN)
    with pytest.raises(InputError, match="call_sid"):
        await journal.call_ended(sid, at=END, outcome="lost")


async def test_naive_times_are_refused(journal: CallJournal) -> None:
    naive = datetime(2026, 11, 24, 14)
    with pytest.raises(InputError):
        await journal.call_started(SID, at=naive)
    with pytest.raises(InputError):
        await journal.turn_recorded(SID, **(TURN | {"at": naive}))
    with pytest.raises(InputError):
        await journal.call_ended(SID, at=naive, outcome="lost")


@pytest.mark.parametrize("wrong", [{"turn": -1}, {"turn": 10**9}, {"role": "tool"}, {"role": ""}])
async def test_a_turn_that_is_none_is_refused(
    journal: CallJournal, wrong: dict[str, object]
) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        await journal.turn_recorded(SID, **(TURN | wrong))


async def test_a_call_is_inbound_until_told_otherwise(
    journal: CallJournal, pool: asyncpg.Pool
) -> None:
    await journal.call_started(SID, at=START)
    assert (await read(pool))[0]["direction"] == "inbound"
    await journal.call_started(SID, at=START, direction=Direction.OUTBOUND)
    await journal.call_started(SID, at=START)
    assert (await read(pool))[0]["direction"] == "outbound"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(), max_size=60),
    detail=st.dictionaries(st.text(st.characters()), st.text(st.characters()) | st.floats()),
)
async def test_no_text_breaks_the_journal(
    journal: CallJournal, text: str, detail: dict[str, object]
) -> None:
    await journal.turn_recorded(
        SID, turn=0, role=Role.CALLER, text=text, heard=text, at=START, detail=detail
    )
    await journal.call_ended(SID, at=END, outcome=text, summary=text, stats=detail)
