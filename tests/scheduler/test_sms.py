"""Text messages: once for each version, through the gate, followed, and never after STOP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import aiohttp
import pytest

from crm.do_not_call import start_texts, stop_texts
from crm.principal import RowSecurity
from scheduler.errors import UnknownRecordError
from scheduler.job_desk import JobDesk
from scheduler.job_kind import RetryPolicy
from scheduler.jobs import JobQueue
from scheduler.sms import SmsNotSentError, sms_kind
from scheduler.sms_desk import SmsDesk
from tests.scheduler.conftest import ShopFloor
from tests.scheduler.test_jobs import doing
from tests.scheduler.test_worker import drained, pending, until
from voicecore.net.outbound_dialer import OutboundDialer
from voicecore.net.twilio_rest import TwilioRest
from voicecore.sandbox.twilio import TwilioSandbox
from voicecore.sandbox.twilio_rest import RestFault

MARIA, SHOP = "+13125550142", "+13125550100"
QUICK = RetryPolicy(tries=3, first_s=0.02, longest_s=0.05)
SOON = timedelta(milliseconds=30)


class Texts:
    """The texts of a shop whose gate is open for Maria."""

    def __init__(
        self, floor: ShopFloor, jobs: JobQueue, twilio: TwilioSandbox, http: aiohttp.ClientSession
    ) -> None:
        self.twilio = twilio
        self.rest = TwilioRest(
            http,
            api_base=twilio.api_base,
            account_sid=twilio.account_sid,
            auth_token=twilio.auth_token,
            from_e164=SHOP,
            allowed_numbers=(MARIA,),
        )
        self.desk = SmsDesk(
            floor.pool,
            jobs,
            send_now=self.rest.send_sms,
            admits=self.rest.admits,
            link=lambda number: f"https://agent.example.com/{number}.ics",
        )
        self.kind = sms_kind(floor.pool, OutboundDialer(self.rest), retries=QUICK, settle=SOON)


async def test_a_confirmation_is_sent_once_and_kept_with_its_appointment(
    floor: ShopFloor, jobs: JobQueue
) -> None:
    booked = await floor.book(floor.desk())
    number = booked.appointment_id
    async with TwilioSandbox() as twilio, aiohttp.ClientSession() as http:
        texts = Texts(floor, jobs, twilio, http)
        # The call acts for a caller, who has no right to the queue.
        with RowSecurity.acting_as(1):
            await texts.desk.send_confirmation(number, MARIA, "See you at nine.")
            await texts.desk.send_confirmation(number, MARIA, "See you at nine.")
        async with doing(floor, texts.kind):
            await until(lambda: drained(floor))
            await texts.desk.send_confirmation(number, MARIA, "See you at nine.")
            await until(lambda: drained(floor))
        (message,) = twilio.messages
    assert message.to == MARIA
    assert message.body == f"See you at nine. Calendar: https://agent.example.com/{number}.ics"
    rows = await floor.rows("SELECT message_sid, status, appointment_id FROM text_messages")
    assert rows == [{"message_sid": message.sid, "status": "queued", "appointment_id": number}]
    rows = await floor.rows("SELECT message_sid, status, outcome FROM outbound_attempts")
    assert rows == [{"message_sid": message.sid, "status": "done", "outcome": "sent"}]


@pytest.mark.parametrize(
    "fault",
    [RestFault(drops=True, acts=True), RestFault(drops=True), RestFault(status=503, code=1)],
)
async def test_a_text_of_unknown_outcome_is_looked_up_before_it_is_sent_again(
    floor: ShopFloor, jobs: JobQueue, fault: RestFault
) -> None:
    booked = await floor.book(floor.desk())
    async with TwilioSandbox() as twilio, aiohttp.ClientSession() as http:
        texts = Texts(floor, jobs, twilio, http)
        twilio.rest.fail_next(fault)
        await texts.desk.send_confirmation(booked.appointment_id, MARIA, "See you at nine.")
        async with doing(floor, texts.kind):
            await until(lambda: drained(floor))
        assert len(twilio.messages) == 1


async def test_the_gate_is_asked_when_a_text_is_written_down_and_when_it_is_sent(
    floor: ShopFloor, jobs: JobQueue
) -> None:
    booked = await floor.book(floor.desk())
    async with TwilioSandbox() as twilio, aiohttp.ClientSession() as http:
        texts = Texts(floor, jobs, twilio, http)
        with pytest.raises(SmsNotSentError, match="allow-list"):
            await texts.desk.send_confirmation(booked.appointment_id, "+13125550143", "Hello.")
        assert await pending(floor) == 0
        await texts.desk.send_confirmation(booked.appointment_id, MARIA, "Hello.")
        texts.rest._allowed = frozenset()
        async with doing(floor, texts.kind):
            await until(lambda: drained(floor))
        assert not twilio.messages and not twilio.rest.requests


async def test_nothing_is_sent_after_stop_until_start(floor: ShopFloor, jobs: JobQueue) -> None:
    booked = await floor.book(floor.desk())
    number = booked.appointment_id
    async with TwilioSandbox() as twilio, aiohttp.ClientSession() as http:
        texts = Texts(floor, jobs, twilio, http)
        async with floor.pool.acquire() as conn:
            await stop_texts(conn, MARIA)
        with pytest.raises(SmsNotSentError, match="STOP"):
            await texts.desk.send_confirmation(number, MARIA, "Hello.")
        async with floor.pool.acquire() as conn:
            await start_texts(conn, MARIA)
        await texts.desk.send_confirmation(number, MARIA, "Hello.")
        async with floor.pool.acquire() as conn:
            await stop_texts(conn, MARIA)
        async with doing(floor, texts.kind):
            await until(lambda: drained(floor))
        assert not twilio.messages


async def test_a_refused_text_is_kept_to_be_looked_at(floor: ShopFloor, jobs: JobQueue) -> None:
    booked = await floor.book(floor.desk())
    async with TwilioSandbox() as twilio, aiohttp.ClientSession() as http:
        texts = Texts(floor, jobs, twilio, http)
        twilio.rest.refused_numbers[MARIA] = 21614
        await texts.desk.send_confirmation(booked.appointment_id, MARIA, "Hello.")
        async with doing(floor, texts.kind):
            await until(lambda: pending(floor, "failed"))
        (dead,) = await JobDesk(floor.pool).list_jobs()
        assert "21614" in dead.reason
        with pytest.raises(UnknownRecordError):
            await texts.desk.send_confirmation(10**9, MARIA, "Hello.")
    await asyncio.sleep(0)
