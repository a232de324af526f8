"""The calendar file behind a link: right times, escaped words, and nothing for a stranger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from voicecore.net.calendar_files import CalendarFiles, Visit, render_ics
from voicecore.net.ics_link import LIFETIME_S, IcsLinks
from voicecore.net.ics_route import ICS_PATH, ics_file
from voicecore.net.server_parts import PARTS

CHICAGO = ZoneInfo("America/Chicago")


@dataclass(frozen=True)
class Card:
    appointment_id: int = 7
    service_name: str = "Oil change; synthetic, \\ 5W-30"
    start: datetime = datetime(2027, 3, 14, 9, tzinfo=CHICAGO)
    end: datetime = datetime(2027, 3, 14, 9, 45, tzinfo=CHICAGO)
    version: int = 2
    is_on: bool = True


@dataclass
class Parts:
    """The one part that this route asks for."""

    calendar_files: CalendarFiles | None


def files(card: Card, now_s: list[float]) -> CalendarFiles:
    async def find(appointment_id: int) -> Visit | None:
        return card if appointment_id == card.appointment_id else None

    return CalendarFiles(
        links=IcsLinks("https://agent.example.com", "secret", lambda: now_s[0]),
        find=find,
        shop_name="Northside Auto Care",
        shop_address="120 Lakeview Avenue, Springfield – behind the façade of the old cinema",
        host="agent.example.com",
    )


@asynccontextmanager
async def served(calendar_files: CalendarFiles | None) -> AsyncIterator[TestClient]:
    app = web.Application()
    app[PARTS] = Parts(calendar_files)
    app.router.add_get(ICS_PATH, ics_file)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_the_file_tells_the_appointment() -> None:
    now_s = [0.0]
    book = files(Card(), now_s)
    address = book.links.address(7).removeprefix("https://agent.example.com")
    async with served(book) as client:
        response = await client.get(address)
        text = (await response.read()).decode()
        assert response.status == 200 and response.content_type == "text/calendar"
        unfolded = text.replace("\r\n ", "")
        assert "DTSTART:20270314T140000Z\r\n" in unfolded
        assert "DTEND:20270314T144500Z\r\n" in unfolded
        assert "SUMMARY:Oil change\\; synthetic\\, \\\\ 5W-30 at Northside Auto Care" in unfolded
        assert "UID:appointment-7@agent.example.com" in unfolded
        assert "façade of the old cinema" in unfolded and "STATUS:CONFIRMED" in unfolded
        assert max(len(line.encode()) for line in text.split("\r\n")) <= 75

        now_s[0] = float(LIFETIME_S)
        assert (await client.get(address)).status == 410


async def test_a_stranger_finds_nothing() -> None:
    book = files(Card(), [0.0])
    others = book.links.address(8).removeprefix("https://agent.example.com")
    async with served(book) as client:
        for path in (others, "/appointments/x.ics", "/appointments/7.ics", "/appointments/.ics"):
            assert (await client.get(path)).status == 404
    async with served(None) as client:
        assert (await client.get(others)).status == 404


def test_what_was_called_off_says_so() -> None:
    assert "STATUS:CANCELLED" in render_ics(replace(Card(), is_on=False), files(Card(), [0.0]))
