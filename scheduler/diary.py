"""The shop's diary as the database has it, read once for all who ask at the same moment.

Theory of operation: an answer is fresh when its reading began after the question was asked. While
one reading is under way those who come meanwhile wait for the next one, which then covers all of
their windows; forty callers at once cost two readings. The rows of the shop itself, which change a
few times a year, are kept for some seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, TypeVar, runtime_checkable
from zoneinfo import ZoneInfo

import asyncpg

from crm.principal import RowSecurity
from scheduler.duty import Duties
from scheduler.errors import ScheduleUnavailableError, UnknownServiceError
from scheduler.local_day import MINUTE_S
from scheduler.occupancy import Occupancy, Span
from scheduler.shop import Service, Shop
from scheduler.shop_rows import TakenRows, load_services, load_shop, load_taken
from scheduler.slots import SlotFinder, SlotRules
from scheduler.taken import Taken
from scheduler.transaction import read

SHOP_TTL_S = 5.0

Result = TypeVar("Result")


class BusyBlocks(Protocol):
    """Whoever knows the calendar's busy blocks without waiting."""

    @property
    def blocks(self) -> Sequence[Taken]: ...


@runtime_checkable
class CalendarCheck(Protocol):
    """Whoever can ask the calendar itself, within a budget of its own."""

    async def recheck(self, start: datetime, end: datetime) -> bool:
        """Return False where somebody else's block covers the time; True also where unknown."""
        ...


@dataclass(frozen=True, slots=True)
class ShopBook:
    """The shop and its services by code, as they were at `read_at` (monotonic seconds)."""

    shop: Shop
    services: Mapping[str, Service]
    read_at: float
    duties: Duties = field(default_factory=Duties, compare=False)


@dataclass(frozen=True, slots=True)
class Page:
    """What was taken in a window; `finder` looks for slots in it.

    `asked` is the last question that had been asked when the reading began.
    """

    book: ShopBook
    rows: TakenRows
    blocks: Sequence[Span]
    rules: SlotRules
    finder: SlotFinder
    asked: int

    def without(self, appointment_id: int, labour_minutes: int) -> SlotFinder:
        """Return a finder for an appointment that is to be moved: it is not in its own way."""
        own = [span for key, span in self.rows.spans if key == appointment_id]
        room = dict(self.rows.room)
        for span in own:
            start = datetime.fromtimestamp(span.start_minute * MINUTE_S, self.book.shop.zone)
            if start.date() in room:
                room[start.date()] += labour_minutes
        others = (span for key, span in self.rows.spans if key != appointment_id)
        occupancy = Occupancy((*others, *self.blocks))
        return _finder(self.book, occupancy, self.rules, room)


class Diary:
    """Reads shop and bookings of one database for one process."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        zone: ZoneInfo,
        rules: SlotRules,
        holidays: Container[date],
        busy: BusyBlocks | None,
        deadline_s: float,
        shop_ttl_s: float = SHOP_TTL_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._zone = zone
        self._rules = rules
        self._holidays = holidays
        self._busy = busy
        self._deadline_s = deadline_s
        self._shop_ttl_s = shop_ttl_s
        self._monotonic = monotonic
        self._turn = asyncio.Lock()
        self._book: ShopBook | None = None
        self._page: Page | None = None
        self._idle: tuple[ShopBook, tuple[Span, ...], SlotFinder] | None = None
        self._read_blocks: tuple[Sequence[Taken], tuple[Span, ...]] = ((), ())
        self._asked = 0
        self._windows: dict[int, tuple[datetime, datetime]] = {}

    def forget_shop(self) -> None:
        """Read the shop anew the next time, because somebody has changed it."""
        self._book = None

    async def book(self) -> ShopBook:
        """Return the shop, at most some seconds old.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        if self._book is not None and self._is_fresh(self._book):
            return self._book
        return await self._in_turn(self._fresh_book)

    async def service(self, code: str) -> tuple[ShopBook, Service]:
        """Return a service on offer, with the shop.

        Raises:
            UnknownServiceError: the shop has no such service.
            ScheduleUnavailableError: the database failed.
        """
        book = await self.book()
        if code not in book.services:
            self.forget_shop()
            book = await self.book()
        if code not in book.services:
            raise UnknownServiceError(code)
        return book, book.services[code]

    async def idle_finder(self) -> SlotFinder:
        """Return a finder for which nothing is taken but the calendar's blocks.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        book = await self.book()
        blocks = self._blocks()
        if self._idle is None or self._idle[0] is not book or self._idle[1] is not blocks:
            finder = _finder(book, Occupancy(blocks), self._rules, {})
            self._idle = (book, blocks, finder)
        return self._idle[2]

    async def page(self, since: datetime, until: datetime) -> Page:
        """Return what is taken in [since, until), read after this question was asked.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        self._asked += 1
        asked = self._asked
        self._windows[asked] = (since, until)

        async def look() -> Page:
            if self._page is None or self._page.asked < asked:
                self._page = await self._read_page()
            return self._page

        try:
            return await self._in_turn(look)
        finally:
            del self._windows[asked]

    async def _in_turn(self, work: Callable[[], Awaitable[Result]]) -> Result:
        try:
            async with asyncio.timeout(self._deadline_s), self._turn:
                return await work()
        except TimeoutError as error:
            reason = f"no answer within {self._deadline_s} s"
            raise ScheduleUnavailableError("diary", reason, unknown_outcome=False) from error

    def _is_fresh(self, book: ShopBook) -> bool:
        return self._monotonic() - book.read_at < self._shop_ttl_s

    async def _fresh_book(self) -> ShopBook:
        """Return the book, read anew where it is old; only for whoever has the turn."""
        if self._book is None or not self._is_fresh(self._book):
            self._book = await self._read(self._load_book)
        return self._book

    async def _read_page(self) -> Page:
        book = await self._fresh_book()
        asked = self._asked
        since = min(since for since, _ in self._windows.values())
        until = max(until for _, until in self._windows.values())

        async def load(conn: asyncpg.Connection) -> TakenRows:
            return await load_taken(conn, since, until, self._zone)

        rows = await self._read(load)
        blocks = self._blocks()
        occupancy = Occupancy((*(span for _, span in rows.spans), *blocks))
        finder = _finder(book, occupancy, self._rules, rows.room)
        return Page(book, rows, blocks, self._rules, finder, asked)

    def _blocks(self) -> tuple[Span, ...]:
        taken = () if self._busy is None else self._busy.blocks
        if self._read_blocks[0] is not taken:
            self._read_blocks = (taken, tuple(block.span for block in taken))
        return self._read_blocks[1]

    async def _load_book(self, conn: asyncpg.Connection) -> ShopBook:
        read_at = self._monotonic()
        services = {service.code: service for service in await load_services(conn)}
        shop = await load_shop(conn, self._zone, self._holidays)
        return ShopBook(shop, services, read_at)

    async def _read(self, work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
        # Whoever asked, the answer is for all who wait, and tells nothing of a customer.
        with RowSecurity.as_shop():
            return await read(self._pool, "diary", work, deadline_s=self._deadline_s)


def _finder(
    book: ShopBook, occupancy: Occupancy, rules: SlotRules, room: Mapping[date, int]
) -> SlotFinder:
    return SlotFinder(book.shop, occupancy, rules=rules, room=room, duties=book.duties)
