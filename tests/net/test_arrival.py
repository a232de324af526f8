"""What is known of a caller when the call arrives, and what that opens."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.net.media_client import new_call_sid, post, prepared_call, ticket_in, voice_form
from tests.net.rig import SHOP_NUMBER, running, until
from tests.net.shop import MARIA, MemoryPhoneEvents
from voicecore.call_info import Attestation, CallInfo
from voicecore.dialog.reminder import Reminder


@pytest.mark.parametrize(
    ("verstat", "attestation", "trusted"),
    [
        ("TN-Validation-Passed-A", Attestation.FULL, MARIA),
        ("TN-Validation-Passed-B", Attestation.PARTIAL, MARIA),
        ("TN-Validation-Passed-C", Attestation.GATEWAY, MARIA),
        ("TN-Validation-Failed", Attestation.FAILED, None),
        ("TN-Validation-Failed-A", Attestation.FAILED, None),
        ("No-TN-Validation", Attestation.NONE, MARIA),
        ("", Attestation.NONE, MARIA),
        ("TN-Validation-Passed", Attestation.NONE, MARIA),
        ("TN-Validation-Passed-D", Attestation.NONE, MARIA),
        ("<x>", Attestation.NONE, MARIA),
    ],
)
async def test_a_number_that_may_be_forged_opens_nothing(
    redis_url: str, verstat: str, attestation: Attestation, trusted: str | None
) -> None:
    events = MemoryPhoneEvents()
    async with running(redis_url, clips=False, phone_events=events) as rig:
        sid = new_call_sid()
        status, _ = await post(rig, "/incoming-call", voice_form(sid, StirVerstat=verstat))
        assert status == 200
        (waiting,) = rig.parts.prepared._waiting.values()
        assert waiting.session.info.attestation is attestation
        assert waiting.session.info.from_e164 == MARIA
        identity = waiting.session._parts.conversation._desk.identity
        assert identity.caller_e164 == trusted
        await until(lambda: bool(events.reports))
        (arrived,) = events.reports
        assert isinstance(arrived, CallInfo) and arrived.attestation is attestation


async def test_a_call_of_ours_is_answered_with_its_reminder(redis_url: str) -> None:
    reminder = Reminder(appointment_id=3, phone_e164=MARIA, first_name="Maria")
    events = MemoryPhoneEvents(reminders={7: reminder})
    async with running(redis_url, clips=False, phone_events=events) as rig:
        sid = new_call_sid()
        form = voice_form(sid, From=SHOP_NUMBER, To=MARIA, Direction="outbound-api")
        answers = [await post(rig, "/outbound-reminder?attempt=7", form) for _ in range(3)]
        assert len(set(answers)) == 1 and ticket_in(answers[0][1])
        (waiting,) = rig.parts.prepared._waiting.values()
        session = waiting.session
        assert session.reminder == reminder and session.info.is_outbound
        assert session.info.customer_e164 == MARIA
        assert "Maria" in session._parts.conversation.greeting
        status, _ = await post(rig, "/outbound-reminder?attempt=8", form)
        assert status == 404


async def test_no_more_calls_than_all_workers_may_have(redis_url: str) -> None:
    async with running(redis_url, clips=False, max_calls_total=1) as rig:
        call_sid, _ = await prepared_call(rig)
        status, body = await post(rig, "/incoming-call", voice_form(call_sid))
        assert status == 200 and ticket_in(body)
        status, body = await post(rig, "/incoming-call", voice_form(new_call_sid()))
        assert status == 200 and "<Stream" not in body and "busy" in body
        assert rig.events("call_refused", reason="all workers full")
        assert rig.parts.cap is not None
        await rig.parts.cap.release(call_sid)
        await prepared_call(rig)


@pytest.mark.parametrize(("is_open", "words"), [(True, "help you today"), (False, "closed right")])
async def test_the_greeting_says_when_the_shop_is_closed(
    redis_url: str, is_open: bool, words: str
) -> None:
    async with running(redis_url, clips=False) as rig:
        asked: list[datetime] = []

        def opening(at: datetime) -> bool:
            asked.append(at)
            return is_open

        object.__setattr__(rig.factory._around, "is_open", opening)
        info = CallInfo(new_call_sid(), "AC1", None, None, datetime.now(UTC))
        session = rig.factory.new_session(info)
        assert words in session._parts.conversation.greeting
        assert asked[0].tzinfo is not None
        await session.discard()
