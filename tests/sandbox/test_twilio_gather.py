"""The verbs that listen to the caller."""

from __future__ import annotations

from tests.sandbox.agents import (
    Agent,
    documents,
    eventually,
    listen_only,
    place,
    response,
    serve,
)
from voicecore.sandbox.twilio import TwilioSandbox


async def test_gather_collects_keys_and_asks_its_action(twilio: TwilioSandbox) -> None:
    first = response(
        "<Gather numDigits='2' timeout='3' action='/keys'><Say>Press.</Say></Gather><Say>None</Say>"
    )
    async with serve(Agent(listen_only, documents(first, keys=response("<Hangup/>")))) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: call.said)
        call.line.press("4")
        call.line.press("2")
        await call.ended(5)
    assert agent.requests[1][2]["Digits"] == "42"
    assert call.said == ["Press."]


async def test_gather_without_input_falls_through(twilio: TwilioSandbox) -> None:
    first = response("<Gather timeout='0.1' action='/keys'/><Say>None</Say>")
    async with serve(Agent(listen_only, documents(first))) as agent:
        call = await place(twilio, agent)
        await call.ended(5)
    assert (agent.paths(), call.said) == (["/incoming-call"], ["None"])


async def test_a_message_is_recorded_until_a_key(twilio: TwilioSandbox) -> None:
    first = response("<Record action='/taken' timeout='9'/>")
    async with serve(Agent(listen_only, documents(first, taken=response("<Hangup/>")))) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: call.line.answered)
        call.line.press("#")
        await call.ended(5)
    assert agent.requests[1][2]["RecordingUrl"].startswith("https://api.twilio.com/")
