"""A call as it is watched from outside, before any socket is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from voicecore.sandbox.twilio import SilentCaller
from voicecore.sandbox.twilio_call import (
    CallPlan,
    CallStatus,
    Direction,
    DocumentSource,
    PlacedCall,
    VerbRun,
)
from voicecore.sandbox.twilio_twiml import Verb
from voicecore.sandbox.twilio_webhook import Routes, WebhookClient

PLAN = CallPlan(
    call_sid="CA1",
    account_sid="AC1",
    from_="+15550100",
    to="+15550199",
    direction=Direction.INBOUND,
    first=DocumentSource(url="https://agent.example.com/"),
    public_url="https://agent.example.com",
    extra_params={"StirVerstat": "TN-Validation-Passed-A", "FromCity": "SPRINGFIELD"},
)


@pytest.fixture
async def call() -> AsyncIterator[PlacedCall]:
    async with aiohttp.ClientSession() as session:
        webhooks = WebhookClient(session, auth_token="x", routes=Routes())
        yield PlacedCall(PLAN, SilentCaller(), webhooks)


def test_the_voice_request_has_the_vendors_parameters(call: PlacedCall) -> None:
    """Source: Twilio, Voice request parameters."""
    params = call.request_params()
    assert params["Caller"] == params["From"] == "+15550100"
    assert params["Called"] == params["To"] == "+15550199"
    assert params["ApiVersion"] == "2010-04-01"
    assert (params["StirVerstat"], params["FromCity"]) == ("TN-Validation-Passed-A", "SPRINGFIELD")


async def test_a_final_status_is_never_left(call: PlacedCall) -> None:
    with pytest.raises(TimeoutError):
        await call.ended(0.01)
    call.finish(CallStatus.BUSY)
    call.finish(CallStatus.COMPLETED)
    assert await call.ended(1) is CallStatus.BUSY
    assert call.over


def test_what_was_said_and_dialled_is_read_from_the_verbs(call: PlacedCall) -> None:
    number = Verb("Number", text="+15550111")
    dials = (Verb("Dial", text="+15550112"), Verb("Dial", nouns=(number,)))
    for verb in (Verb("Say", text="Hi"), *dials):
        call.verbs.append(VerbRun(0.0, verb))
    assert call.said == ["Hi"]
    assert call.dialed == ["+15550112", "+15550111"]


def test_problems_come_in_order_of_time(call: PlacedCall) -> None:
    call.note(11200, "one")
    call.note(12100, "two")
    assert [problem.code for problem in call.problems] == [11200, 12100]


def test_without_a_stream_there_is_nothing_to_cut_or_send_on(call: PlacedCall) -> None:
    call.drop_stream()
    call.send_raw("x")
    call.hang_up()
    assert call.stream is None
    assert call.hung_up
