"""The verbs that listen to the caller."""

from __future__ import annotations

import pytest

from tests.sandbox.agents import (
    Agent,
    documents,
    eventually,
    hang_up_after,
    listen_only,
    place,
    response,
    serve,
)
from voicecore.sandbox.caller import ScriptedCaller
from voicecore.sandbox.twilio import TwilioSandbox
from voicecore.sandbox.utterances import UtteranceBook
from voicecore.sandbox.voice import EspeakVoice


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


@pytest.mark.parametrize(
    ("pressed", "digits", "finished"), [("12#", "12", "#"), ("#", "", "#"), ("1", "1", "")]
)
async def test_the_finish_key_or_a_pause_ends_the_collecting(
    twilio: TwilioSandbox, pressed: str, digits: str, finished: str
) -> None:
    first = response("<Gather timeout='0.2' action='/keys'/>")
    async with serve(Agent(listen_only, documents(first, keys=response("<Hangup/>")))) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: call.verbs)
        for digit in pressed:
            call.line.press(digit)
        await call.ended(5)
    params = agent.requests[1][2]
    assert (params["Digits"], params["FinishedOnKey"]) == (digits, finished)


async def test_words_count_as_input_where_speech_is_asked_for(twilio: TwilioSandbox) -> None:
    first = response("<Gather input='speech' timeout='3' action='/words'/>")
    caller = ScriptedCaller(EspeakVoice(), UtteranceBook())
    async with serve(Agent(listen_only, documents(first, words=response("<Hangup/>")))) as agent:
        call = await place(twilio, agent, caller)
        await caller.say("Yes")
        await call.ended(5)
    assert agent.requests[1][2]["SpeechResult"] == "Yes"


async def test_the_action_can_be_asked_without_input(twilio: TwilioSandbox) -> None:
    first = response("<Gather timeout='0.05' actionOnEmptyResult='true' action='/none'/>")
    async with serve(Agent(listen_only, documents(first, none=response("<Hangup/>")))) as agent:
        call = await place(twilio, agent)
        await call.ended(5)
    assert agent.paths() == ["/incoming-call", "/none"]


async def test_hanging_up_ends_the_waiting(twilio: TwilioSandbox) -> None:
    first = response("<Gather timeout='30' action='/keys'/>")
    async with serve(Agent(listen_only, documents(first))) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: call.verbs)
        await hang_up_after(call, 0)
    assert agent.paths() == ["/incoming-call"]
