"""Whole calls between the stand-in and a small server, over real sockets."""

from __future__ import annotations

import asyncio

from twilio.request_validator import RequestValidator

from tests.sandbox.agents import (
    PUBLIC,
    Agent,
    documents,
    eventually,
    hang_up_after,
    listen_only,
    place,
    serve,
)
from voicecore.sandbox.twilio import TwilioSandbox
from voicecore.sandbox.twilio_call import CallStatus


async def test_a_call_is_signed_streamed_and_stopped(twilio: TwilioSandbox) -> None:
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent)
        await hang_up_after(call, 0.25)
        await agent.closed.wait()
    ((method, path, params, headers),) = agent.requests
    validator = RequestValidator(twilio.auth_token)
    assert (method, path) == ("POST", "/incoming-call")
    assert validator.validate(f"{PUBLIC}{path}", params, headers["X-Twilio-Signature"])
    assert params["CallStatus"] == "ringing"
    assert (params["From"], params["To"], params["Direction"]) == (
        "+15550100", "+15550199", "inbound",
    )  # fmt: skip
    assert "" in params.values()
    raw = dict(agent.upgrades[0])
    signature = raw[b"x-twilio-signature"].decode()
    assert validator.validate("wss://agent.example.com/media", {}, signature)
    received = agent.sockets[0].received
    assert [message["event"] for message in received[:3]] == ["connected", "start", "media"]
    assert received[-1]["event"] == "stop"
    assert received[1]["start"]["customParameters"] == {"token": "t1"}
    numbers = [int(message["sequenceNumber"]) for message in received[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert call.status is CallStatus.COMPLETED
    assert call.problems == []
    assert agent.close_codes == [1000]


async def test_many_calls_run_at_once(twilio: TwilioSandbox) -> None:
    async with serve(Agent(listen_only, documents())) as agent:
        calls = [await place(twilio, agent) for _ in range(8)]
        await eventually(lambda: len(agent.sockets) == 8)
        await asyncio.gather(*(hang_up_after(call, 0.2) for call in calls))
        await eventually(lambda: len(agent.close_codes) == 8)
    assert {call.status for call in calls} == {CallStatus.COMPLETED}
    assert len(twilio.calls) == 8


async def test_closing_the_sandbox_ends_the_calls_that_run() -> None:
    async with serve(Agent(listen_only, documents())) as agent:
        async with TwilioSandbox() as twilio:
            call = await place(twilio, agent)
            await eventually(lambda: agent.sockets)
        assert call.over
        await asyncio.wait_for(agent.closed.wait(), 3)
