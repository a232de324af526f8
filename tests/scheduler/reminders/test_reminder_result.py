"""What came of a call: one word, written once; a mailbox gets one message; a no is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import aiohttp
import pytest

from crm.calls import CallJournal
from crm.outbound import CallFacts
from crm.phone_reports import PhoneReports
from scheduler.jobs import JobQueue
from scheduler.reminder_result import ReminderResults, result_of
from tests.crm.test_phone_reports import Text
from tests.scheduler.conftest import ShopFloor
from voicecore.net.outbound_dialer import OutboundDialer
from voicecore.net.phone_events import CallProgress
from voicecore.net.twilio_rest import TwilioRest
from voicecore.sandbox.twilio import TwilioSandbox

SID = "CA" + "1" * 32
MARIA = "+13125550142"
NOW = datetime(2030, 6, 4, 15, tzinfo=UTC)


def facts(status: str, answered_by: str = "", **stats: object) -> CallFacts:
    return CallFacts(
        attempt_id=1,
        appointment_id=1,
        appointment_version=1,
        phone_e164=MARIA,
        attempt_status="dialing",
        attempt=1,
        call_sid=SID,
        call_status=status,
        answered_by=answered_by,
        ended_at=NOW,
        stats=json.dumps(stats),
        opted_out=False,
    )


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (facts("no-answer"), "no_answer"),
        (facts("canceled"), "no_answer"),
        (facts("busy"), "busy"),
        (facts("failed"), "failed"),
        (facts("completed", "human", deeds={"confirmed": 1}), "confirmed"),
        (facts("completed", "human", deeds={"moved": 1, "on_file": 1}), "moved"),
        (facts("completed", "", deeds={"cancelled": 1}), "cancelled"),
        (facts("completed", "human", notes=["reminder: somebody_else"]), "wrong_person"),
        (facts("completed", "human", notes=["reminder: wants_no_calls"]), "opted_out"),
        (facts("completed", "unknown", notes=["reminder: machine"]), "voicemail"),
        (facts("completed", "machine_end_beep"), "voicemail"),
        (facts("completed", "human"), "no_result"),
    ],
)
def test_every_end_of_a_call_has_one_word(call: CallFacts, result: str) -> None:
    assert result_of(call) == result


async def dialled(floor: ShopFloor) -> int:
    booked = await floor.book(floor.desk())
    attempt_id = await floor.pool.fetchval(
        "INSERT INTO outbound_attempts (appointment_id, appointment_version, kind, phone_e164,"
        " status, dialed_at, call_sid) VALUES ($1, 2, 'reminder', $2, 'dialing', now(), $3)"
        " RETURNING attempt_id",
        booked.appointment_id,
        MARIA,
        SID,
    )
    assert isinstance(attempt_id, int)
    return attempt_id


async def test_who_wants_no_calls_is_never_rung_again(floor: ShopFloor, jobs: JobQueue) -> None:
    attempt_id = await dialled(floor)
    results = ReminderResults(floor.pool, jobs)
    notes = {"notes": ["reminder: wants_no_calls"]}
    await CallJournal(floor.pool).call_ended(SID, at=NOW, outcome="agent", stats=notes)
    await PhoneReports(floor.pool).call_status(
        CallProgress(call_sid=SID, status="completed", at=NOW)
    )
    for _ in range(2):
        await results.call_status(SID, "completed")
        await results.write(attempt_id, 0)
    assert await floor.rows("SELECT phone_e164, call_sid FROM do_not_call") == [
        {"phone_e164": MARIA, "call_sid": SID}
    ]
    events = await floor.rows("SELECT detail FROM appointment_events WHERE event = 'reminder'")
    assert [json.loads(row["detail"])["outcome"] for row in events] == ["opted_out"]


async def test_a_mailbox_gets_one_message_however_often_it_is_reported(
    floor: ShopFloor, jobs: JobQueue
) -> None:
    await dialled(floor)
    async with TwilioSandbox() as twilio, aiohttp.ClientSession() as http:
        rest = TwilioRest(
            http,
            api_base=twilio.api_base,
            account_sid=twilio.account_sid,
            auth_token=twilio.auth_token,
            from_e164="+13125550100",
            allowed_numbers=(MARIA,),
        )
        dialer = OutboundDialer(rest, shop_name="Northside")
        results = ReminderResults(floor.pool, jobs, dialer=dialer)
        await results.answered_by(SID, "human")
        await results.answered_by(SID, "machine_start")
        assert not twilio.rest.requests
        for _ in range(3):
            await results.answered_by(SID, "machine_end_beep")
        updates = [request for request in twilio.rest.requests if SID in request]
        assert len(updates) == 1


async def test_start_takes_a_stop_by_text_back_and_nothing_else(floor: ShopFloor) -> None:
    reports = PhoneReports(floor.pool)
    stop = Text(message_sid="SM" + "1" * 32, body="Stop")
    start = Text(message_sid="SM" + "2" * 32, body="START")
    await reports.message_in(stop)
    assert len(await floor.rows("SELECT 1 FROM do_not_call")) == 1
    await reports.message_in(start)
    assert await floor.rows("SELECT 1 FROM do_not_call") == []
    await reports.message_in(Text(message_sid="SM" + "3" * 32, body="stop"))
    # A repeated report of the older START changes nothing.
    await reports.message_in(start)
    assert len(await floor.rows("SELECT 1 FROM do_not_call")) == 1
