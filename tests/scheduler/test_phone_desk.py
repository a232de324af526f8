"""Reports are written down first; what concerns calls of ours goes on to who placed them."""

from __future__ import annotations

import asyncpg
import pytest

from crm.phone_facts import IncomingTextFacts
from crm.phone_reports import PhoneReports
from scheduler.phone_desk import PhoneDesk
from tests.crm.test_phone_reports import CALL, MARIA, Answer, Call, Sms, Step, Stream, Text


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no outage."""
    monkeypatch.setattr("crm.phone_reports.DEADLINE_S", 20.0)


class Placed:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    async def call_status(self, call_sid: str, status: str) -> None:
        self.told.append((call_sid, status))

    async def answered_by(self, call_sid: str, verdict: str) -> None:
        self.told.append((call_sid, verdict))

    async def person_called(self, call_sid: str, attempt_id: int) -> tuple[int, str, str] | None:
        return (3, MARIA, "Maria") if attempt_id == 7 else None


async def say_thanks(message: IncomingTextFacts) -> str:
    return f"Thank you for {message.body!r}."


def reason(appointment_id: int, phone_e164: str, first_name: str) -> str:
    return f"{first_name} at {phone_e164} for {appointment_id}"


async def test_what_is_known_goes_on(crm_dsn: str) -> None:
    async with asyncpg.create_pool(crm_dsn, min_size=1, max_size=2) as pool:
        placed = Placed()
        desk = PhoneDesk(PhoneReports(pool), placed=placed, reason=reason, answers=say_thanks)
        assert not await desk.call_status(Step(status="ringing"))
        assert placed.told == []
        await desk.call_arrived(Call())
        assert await desk.knows_call(CALL)
        assert await desk.call_status(Step(status="ringing"))
        assert await desk.answered_by(Answer(verdict="human", call_sid=CALL))
        assert await desk.stream_status(Stream(event="stream-started"))
        assert not await desk.message_status(Sms(status="sent"))
        assert await desk.message_in(Text(body="hi")) == "Thank you for 'hi'."
        assert placed.told == [(CALL, "ringing"), (CALL, "human")]
        assert await desk.outbound_call(CALL, 7) == f"Maria at {MARIA} for 3"
        assert await desk.outbound_call(CALL, 8) is None


async def test_nobody_need_answer_texts(crm_dsn: str) -> None:
    async with asyncpg.create_pool(crm_dsn, min_size=1, max_size=2) as pool:
        desk = PhoneDesk(PhoneReports(pool), placed=Placed(), reason=reason)
        assert await desk.message_in(Text()) == ""
        assert await pool.fetchval("SELECT needs_human FROM text_messages")
