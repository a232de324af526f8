"""Reports of calls, streams and messages: the furthest word stays, whatever the order."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from crm.errors import DatabaseError, InputError
from crm.phone_reports import PhoneReports
from crm.pool import close_pool

AT = datetime(2026, 11, 24, 15, tzinfo=UTC)
CALL, OURS, STREAM = "CA" + "1" * 32, "CA" + "2" * 32, "MZ" + "3" * 32
SENT, GOT, STOP = "SM" + "4" * 32, "SM" + "5" * 32, "SM" + "6" * 32
MARIA, SHOP = "+13125550142", "+13125550100"
DUMP = {
    "calls": "SELECT call_sid, direction, from_e164, to_e164, status, status_sequence, duration_s,"
    " answered_by, attestation, error_code FROM calls ORDER BY 1",
    "streams": "SELECT call_sid, stream_sid, event, error FROM call_streams ORDER BY 1, 2",
    "messages": "SELECT message_sid, direction, from_e164, body, status, error_code, needs_human"
    " FROM text_messages ORDER BY 1",
    "do_not_call": "SELECT phone_e164, reason FROM do_not_call ORDER BY 1",
}


@dataclass(frozen=True, kw_only=True)
class Call:
    call_sid: str = CALL
    from_e164: str | None = MARIA
    to_e164: str | None = SHOP
    started_at: datetime = AT
    attestation: str = "A"
    is_outbound: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    status: str
    call_sid: str = CALL
    at: datetime = AT
    sequence: int | None = None
    from_e164: str | None = MARIA
    to_e164: str | None = SHOP
    duration_s: int | None = None
    answered_by: str = ""
    error_code: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    verdict: str
    call_sid: str = OURS


@dataclass(frozen=True, kw_only=True)
class Stream:
    event: str
    call_sid: str = CALL
    stream_sid: str = STREAM
    at: datetime = AT
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Sms:
    status: str
    message_sid: str = SENT
    error_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Text:
    message_sid: str = GOT
    from_e164: str = MARIA
    to_e164: str = SHOP
    body: str = "Can I come at nine?"
    opt_out_type: str = ""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no outage."""
    monkeypatch.setattr("crm.phone_reports.DEADLINE_S", 20.0)


@pytest.fixture
def reports(pool: asyncpg.Pool) -> PhoneReports:
    return PhoneReports(pool)


async def dump(pool: asyncpg.Pool) -> dict[str, list[tuple[object, ...]]]:
    return {name: [tuple(row) for row in await pool.fetch(sql)] for name, sql in DUMP.items()}


async def test_of_a_call_the_furthest_status_stays(
    pool: asyncpg.Pool, reports: PhoneReports
) -> None:
    await reports.call_arrived(Call())
    for status, sequence in (("completed", 3), ("ringing", 1), ("in-progress", 2), ("queued", 0)):
        assert await reports.call_status(Step(status=status, sequence=sequence))
    (call,) = (await dump(pool))["calls"]
    assert call[4:6] == ("completed", 3)


async def test_what_nobody_knows_leaves_no_row(pool: asyncpg.Pool, reports: PhoneReports) -> None:
    before = await dump(pool)
    assert not await reports.call_status(Step(status="completed"))
    assert not await reports.call_status(Step(status="a new word"))
    assert not await reports.answered_by(Answer(verdict="human"))
    assert not await reports.answered_by(Answer(verdict="alien"))
    assert not await reports.stream_status(Stream(event="stream-started"))
    assert not await reports.message_status(Sms(status="sent"))
    assert not await reports.knows_call(CALL)
    assert await dump(pool) == before


async def test_a_call_that_we_placed_is_known_before_its_first_report(
    pool: asyncpg.Pool, reports: PhoneReports
) -> None:
    await place(pool)
    assert await reports.knows_call(OURS)
    assert await reports.answered_by(Answer(verdict="machine_end_beep"))
    assert await reports.answered_by(Answer(verdict="unknown"))
    (call,) = (await dump(pool))["calls"]
    assert call[1] == "outbound" and call[7] == "machine_end_beep"


async def test_stop_is_kept_and_other_words_wait_for_a_person(
    pool: asyncpg.Pool, reports: PhoneReports
) -> None:
    for number, body in enumerate(("STOP", " stop. ", "Unsubscribe", "please stop calling Bob")):
        sid = f"SM{number:032d}"
        await reports.message_in(Text(message_sid=sid, from_e164=f"+1312555010{number}", body=body))
    await reports.message_in(Text(message_sid=STOP, from_e164="+13125550109", opt_out_type="STOP"))
    rows = await dump(pool)
    stopped = {row[0] for row in rows["do_not_call"]}
    assert stopped == {"+13125550100", "+13125550101", "+13125550102", "+13125550109"}
    waiting = [row[3] for row in rows["messages"] if row[6]]
    assert waiting == ["please stop calling Bob"]


async def test_a_database_that_is_gone_is_said_in_time(
    pool: asyncpg.Pool, reports: PhoneReports
) -> None:
    await close_pool(pool)
    with pytest.raises(DatabaseError):
        await reports.call_status(Step(status="completed"))


@pytest.mark.parametrize("sid", ["", "CA\x00", "CA-1", "x" * 65])
async def test_a_sid_that_is_none_is_refused(reports: PhoneReports, sid: str) -> None:
    with pytest.raises(InputError):
        await reports.call_status(Step(status="completed", call_sid=sid))


def all_reports(reports: PhoneReports) -> Sequence[Callable[[], Awaitable[object]]]:
    """One call in, one of ours, their streams and texts."""
    later = AT + timedelta(minutes=3)
    steps = [
        Step(status="ringing", sequence=0),
        Step(status="in-progress", sequence=1),
        Step(status="completed", sequence=2, duration_s=61, at=later),
        *(Step(status=status, call_sid=OURS) for status in ("initiated", "ringing")),
        Step(status="no-answer", call_sid=OURS, sequence=3, error_code="31005"),
        Step(status="failed", call_sid=OURS, sequence=3),
    ]
    answers = [Answer(verdict=verdict) for verdict in ("human", "machine_start", "unknown")]
    streams = [
        Stream(event="stream-started"),
        Stream(event="stream-error", error="31951", at=later),
        Stream(event="stream-stopped", at=later),
    ]
    texts = [Sms(status=status) for status in ("queued", "sent", "delivered")]
    return [
        lambda: reports.call_arrived(Call()),
        *(lambda step=step: reports.call_status(step) for step in steps),
        *(lambda answer=answer: reports.answered_by(answer) for answer in answers),
        *(lambda stream=stream: reports.stream_status(stream) for stream in streams),
        *(lambda sms=sms: reports.message_status(sms) for sms in texts),
        lambda: reports.message_status(Sms(status="undelivered", error_code=30003)),
        lambda: reports.message_in(Text()),
        lambda: reports.message_in(Text(message_sid=STOP, body="STOP")),
    ]


async def place(pool: asyncpg.Pool) -> None:
    """Write down what we do before Twilio reports: a call of ours and a text."""
    await pool.execute(
        "INSERT INTO customers (customer_id, first_name, last_name) VALUES (1, 'Ann', 'Case')"
        " ON CONFLICT DO NOTHING"
    )
    appointment = await pool.fetchval(
        "INSERT INTO appointments (customer_id, service_code, bay_id, status, during)"
        " VALUES (1, 'oil_change', 1, 'confirmed', tstzrange($1, $2)) RETURNING appointment_id",
        AT + timedelta(days=1),
        AT + timedelta(days=1, hours=1),
    )
    await pool.execute(
        "INSERT INTO outbound_attempts (appointment_id, appointment_version, kind, phone_e164,"
        " call_sid) VALUES ($1, 1, 'reminder', $2, $3)",
        appointment,
        MARIA,
        OURS,
    )
    await pool.execute(
        "INSERT INTO text_messages (message_sid, direction, to_e164, status)"
        " VALUES ($1, 'outbound', $2, 'queued')",
        SENT,
        MARIA,
    )


async def test_any_order_of_reports_that_come_three_times_gives_the_same_rows(
    pool: asyncpg.Pool, reports: PhoneReports
) -> None:
    await place(pool)
    await reports.call_arrived(Call())
    known = await dump(pool)
    dumps = []
    for seed in range(8):
        deliveries = [*all_reports(reports)] * 3
        random.Random(seed).shuffle(deliveries)
        for deliver in deliveries:
            await deliver()
        dumps.append(await dump(pool))
        await pool.execute("DELETE FROM do_not_call; DELETE FROM calls; DELETE FROM call_streams;")
        await pool.execute("DELETE FROM text_messages WHERE direction = 'inbound'")
        await pool.execute("UPDATE text_messages SET status = 'queued', error_code = NULL")
        await reports.call_arrived(Call())
        assert await dump(pool) == known
    assert all(found == dumps[0] for found in dumps)
    (ours,) = (row for row in dumps[0]["calls"] if row[0] == OURS)
    assert ours[4] == "no-answer" and ours[9] == "31005"
    assert dumps[0]["streams"] == [(CALL, STREAM, "stream-error", "31951")]
    assert [row[4] for row in dumps[0]["messages"] if row[0] == SENT] == ["undelivered"]
