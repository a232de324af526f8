"""What happens to a booking when the database dies at the worst moment."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from crm.pool import close_pool, open_pool
from scheduler.booking import Bookings, HoldRequest
from scheduler.booking_row import BookingRow
from scheduler.errors import ScheduleUnavailableError
from scheduler.moves import MoveRequest
from tests.scheduler.conftest import NINE, SERVICE, ShopFloor

BAYS = (3, 4, 6)


def wish(hold_id: UUID | None = None, bay_ids: tuple[int, ...] = BAYS) -> HoldRequest:
    return HoldRequest(
        hold_id=hold_id or uuid4(),
        service_code=SERVICE,
        customer_id=1,
        vehicle_id=1,
        call_sid="CA0001",
        start=NINE,
        bay_until=NINE + timedelta(hours=1),
        bay_ids=bay_ids,
    )


class LossyProxy:
    """Passes bytes to PostgreSQL; once the text of `cut_after` was sent it hangs up unanswered."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._trigger = b""
        self._at_once = False
        self.cuts = 0
        self.open_lines = 0

    def cut_after(self, text: str | bytes, *, at_once: bool = False) -> None:
        """Cut when the server has answered, or `at_once`, when it may not even have begun."""
        self._trigger = text if isinstance(text, bytes) else text.encode()
        self._at_once = at_once

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_lines += 1
        try:
            await self._pass_on(reader, writer)
        finally:
            self.open_lines -= 1

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        cut = asyncio.Event()

        async def upward() -> None:
            while data := await reader.read(65536):
                is_cut = self._trigger and self._trigger in data
                if is_cut:
                    self._trigger = b""
                    self.cuts += 1
                    cut.set()
                up_writer.write(data)
                await up_writer.drain()
                if is_cut and self._at_once:
                    return

        async def downward() -> None:
            while data := await up_reader.read(65536):
                if cut.is_set():
                    # The server has answered, so the statement is done; nobody will hear of it.
                    return
                writer.write(data)
                await writer.drain()

        with contextlib.suppress(OSError):
            async with asyncio.TaskGroup() as tasks:
                up = tasks.create_task(upward())
                down = tasks.create_task(downward())
                await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
                up.cancel()
                down.cancel()
        for side in (up_writer, writer):
            side.close()
            with contextlib.suppress(OSError):
                await side.wait_closed()


@dataclass(frozen=True, slots=True)
class LossyLine:
    proxy: LossyProxy
    pool: asyncpg.Pool
    bookings: Bookings


@pytest.fixture
async def line(floor: ShopFloor) -> AsyncIterator[LossyLine]:
    address = urlsplit(floor.dsn)
    assert address.hostname is not None
    assert address.port is not None
    proxy = LossyProxy(address.hostname, address.port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    dsn = address._replace(netloc=f"{address.username}@127.0.0.1:{port}").geturl()
    pool = await open_pool(dsn, max_size=4)
    yield LossyLine(proxy, pool, Bookings(pool))
    await close_pool(pool)
    server.close()
    await server.wait_closed()
    async with asyncio.timeout(10.0):
        while proxy.open_lines:
            await asyncio.sleep(0.01)


async def test_a_statement_whose_answer_was_lost_is_looked_up(line: LossyLine) -> None:
    """A change that is one statement is done once and reported as done, though nobody heard it."""
    request = wish()
    line.proxy.cut_after(request.hold_id.bytes)
    held = await line.bookings.hold(request)
    assert held is not None
    assert held.status == "held"
    assert line.proxy.cuts == 1

    line.proxy.cut_after(request.hold_id.bytes)
    booked = await line.bookings.confirm(request.hold_id)
    assert booked is not None
    assert (booked.appointment_id, booked.status) == (held.appointment_id, "confirmed")
    assert line.proxy.cuts == 2

    line.proxy.cut_after(struct.pack("!iq", 8, booked.appointment_id))
    struck = await line.bookings.cancel(booked.appointment_id, customer_id=1)
    assert struck is not None
    assert struck.status == "cancelled"
    assert line.proxy.cuts == 3


async def test_a_commit_whose_answer_was_lost_is_looked_up(
    floor: ShopFloor, line: LossyLine
) -> None:
    """The same where something follows from the change in the same transaction."""
    follows: list[int] = []

    async def note(conn: asyncpg.Connection, appointment_id: int) -> None:
        await conn.execute(
            "UPDATE appointments SET notes = notes || 'x' WHERE appointment_id = $1", appointment_id
        )
        follows.append(appointment_id)

    bookings = Bookings(line.pool, on_change=note)
    request = wish()
    assert await bookings.hold(request) is not None
    line.proxy.cut_after("COMMIT")
    booked = await bookings.confirm(request.hold_id)
    assert booked is not None
    assert booked.status == "confirmed"

    line.proxy.cut_after("COMMIT")
    moved = await bookings.reschedule(move(booked))
    assert isinstance(moved, BookingRow)
    assert await bookings.reschedule(move(booked)) == moved

    line.proxy.cut_after("COMMIT")
    struck = await bookings.cancel(moved.appointment_id, customer_id=1)
    assert struck is not None
    assert struck.status == "cancelled"
    assert line.proxy.cuts == 3
    rows = await floor.rows("SELECT notes FROM appointments ORDER BY appointment_id")
    assert [row["notes"] for row in rows] == ["xx", "xx"]


async def test_an_answer_is_waited_for_while_the_change_is_under_way(
    floor: ShopFloor, line: LossyLine
) -> None:
    """The lost connection's statement may still run: the look-up waits until it is over."""
    request = wish()
    assert await line.bookings.hold(request) is not None
    await floor.pool.execute(
        """
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;
        CREATE TRIGGER dawdle AFTER INSERT ON appointment_events
            FOR EACH ROW EXECUTE FUNCTION dawdle()
        """
    )
    async with floor.pool.acquire() as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(42)")
        # The swap has the row by now, dawdles over its event, and we hang up on it.
        line.proxy.cut_after(request.hold_id.bytes, at_once=True)
        confirming = asyncio.get_running_loop().create_task(line.bookings.confirm(request.hold_id))
        await asyncio.sleep(0.3)
        assert line.proxy.cuts == 1
        assert not confirming.done()
    booked = await confirming
    assert booked is not None
    assert booked.status == "confirmed"


async def test_a_change_that_was_not_committed_is_an_error_and_leaves_nothing(
    floor: ShopFloor, line: LossyLine
) -> None:
    line.proxy.cut_after("INSERT INTO appointment_events")
    with pytest.raises(ScheduleUnavailableError, match="hold"):
        await line.bookings.hold(wish())
    assert await settled(floor, "SELECT 1 FROM appointments") == []
    booked = await confirmed(line)
    for sign, change in (
        ("'rescheduled', version", lambda: line.bookings.reschedule(move(booked))),
        ("'cancelled', $3", lambda: line.bookings.cancel(booked.appointment_id, customer_id=1)),
    ):
        line.proxy.cut_after(sign)
        with pytest.raises(ScheduleUnavailableError):
            await change()
        rows = await settled(floor, "SELECT status FROM appointments")
        assert rows == [{"status": "confirmed"}]


async def test_the_same_key_again_is_the_same_hold(floor: ShopFloor) -> None:
    bookings = Bookings(floor.pool)
    request = wish()
    first = await bookings.hold(request)
    assert await bookings.hold(request) == first
    assert await floor.rows("SELECT 1 FROM appointments") == [{"?column?": 1}]


async def test_a_locked_table_is_an_error_in_time_and_not_a_hang(floor: ShopFloor) -> None:
    bookings = Bookings(floor.pool, deadline_s=0.2)
    async with floor.pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE appointments")
        async with asyncio.timeout(2.0):
            with pytest.raises(ScheduleUnavailableError):
                await bookings.hold(wish())
    assert await settled(floor, "SELECT 1 FROM appointments") == []


async def test_what_follows_a_change_is_undone_with_it(floor: ShopFloor) -> None:
    """The calendar job and the booking are one: neither is ever there without the other."""
    seen: list[int] = []

    async def fail(conn: asyncpg.Connection, appointment_id: int) -> None:
        seen.append(appointment_id)
        await conn.execute("SELECT 1 / 0")

    bookings = Bookings(floor.pool, on_change=fail)
    request = wish()
    held = await bookings.hold(request)
    assert held is not None
    with pytest.raises(ScheduleUnavailableError):
        await bookings.confirm(request.hold_id)
    assert seen == [held.appointment_id]
    assert await floor.rows("SELECT status FROM appointments") == [{"status": "held"}]


def move(booked: BookingRow) -> MoveRequest:
    start = NINE + timedelta(hours=3)
    return MoveRequest(
        appointment_id=booked.appointment_id,
        customer_id=1,
        start=start,
        bay_until=start + timedelta(hours=1),
        bay_ids=BAYS,
    )


async def confirmed(line: LossyLine) -> BookingRow:
    request = wish()
    assert await line.bookings.hold(request) is not None
    booked = await line.bookings.confirm(request.hold_id)
    assert booked is not None
    return booked


async def settled(floor: ShopFloor, query: str) -> list[dict[str, Any]]:
    """Read once the transaction of the lost connection is over: its locks are gone then."""
    async with floor.pool.acquire() as conn, conn.transaction():
        await conn.execute("LOCK TABLE appointments")
        return [dict(row) for row in await conn.fetch(query)]
