"""A shop with a cached directory for the tests of the cache, and ways to look behind it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from crm.appointments import Appointment
from crm.cache import CustomerCache
from crm.cache_link import open_cache_redis
from crm.customers import Customer
from crm.directory import CallerRecord
from crm.history import Visit
from crm.vehicles import Vehicle
from voicecore.sandbox.redis import EmbeddedRedis

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 14, tzinfo=ZONE)
PHONE = "+13125550142"
KEY = f"customer:{PHONE}"
PATIENT_S = 5.0


def person(name: str = "Maria", *, version: int = 1, text: str = "") -> CallerRecord:
    """A record with one of everything; `text` is in every field that holds text."""
    return CallerRecord(
        customer=Customer(
            customer_id=1,
            first_name=name,
            last_name=text or "Lopez",
            phone_e164=PHONE,
            email=text or None,
            version=version,
        ),
        vehicles=(
            Vehicle(vehicle_id=1, customer_id=1, year=2019, make=text or "Toyota",
                    model=text or "Camry", plate=text or None, vin=text or "4T1B11HK5KU000001",
                    mileage=54100),
        ),
        visits=(
            Visit(history_id=1, customer_id=1, vehicle_id=1, on_date=date(2026, 3, 4),
                  service_name=text or "Oil change", mileage=54100, cost_cents=6995),
        ),
        upcoming=(
            Appointment(appointment_id=1, customer_id=1, vehicle_id=None, service_code="oil_change",
                        service_name=text or "Oil change", bay_name=text or "Bay 1",
                        start=NOW + timedelta(hours=1), end=NOW + timedelta(hours=2),
                        status="confirmed"),
        ),
    )  # fmt: skip


class Source:
    """A database of one number whose reads can be held up."""

    def __init__(self) -> None:
        self.people: tuple[CallerRecord, ...] = (person(),)
        self.reads = 0
        self.has_read = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def load(self) -> Sequence[CallerRecord]:
        """Read, then answer when allowed to: what a slow query does."""
        self.reads += 1
        people = self.people
        self.has_read.set()
        await self.may_answer.wait()
        return people


@asynccontextmanager
async def cache_on(
    url: str,
    clock: Callable[[], datetime] = lambda: NOW,
    *,
    budget_s: float = PATIENT_S,
) -> AsyncIterator[CustomerCache]:
    """A cache with a client of its own: what one process has.

    It waits for Redis as long as a busy machine needs, unless the test is about waiting.
    """
    client = open_cache_redis(url)
    try:
        yield CustomerCache(client, zone=ZONE, clock=clock, budget_s=budget_s)
    finally:
        await client.aclose()


@asynccontextmanager
async def looking(url: str) -> AsyncIterator[Redis]:
    """A plain client to look at keys and to spoil them."""
    client = Redis.from_url(url, decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


@contextmanager
def frozen(server: EmbeddedRedis) -> Iterator[None]:
    """Stop the server's process in its tracks."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def timed(work: Awaitable[object]) -> float:
    """How many milliseconds it took."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await work
    return (loop.time() - begun) * 1000
