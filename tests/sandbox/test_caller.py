"""Scripts of a caller against an agent that speaks real speech."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.sandbox.agents import Agent, Socket, documents, listen_only, place, serve
from voicecore.sandbox.call_record import Manner
from voicecore.sandbox.caller import CallOverError, ScriptedCaller
from voicecore.sandbox.measure import (
    onset_to_clear_ms,
    onset_to_silence,
    stale_after_clear_ms,
    voice_to_voice_ms,
)
from voicecore.sandbox.twilio import TwilioSandbox
from voicecore.sandbox.twilio_line import Line
from voicecore.sandbox.utterances import Recognizer, UtteranceBook
from voicecore.sandbox.voice import EspeakVoice

VOICE = EspeakVoice()
GREETING = "How can I help?"
LONG = "We have three times on Thursday, at nine, at eleven, and at half past two."


@dataclass
class Receptionist:
    """Greets, answers after a pause, and stops when it hears anything while it speaks."""

    book: UtteranceBook
    answer_delay_s: float = 0.3
    words: list[str] = field(default_factory=list)

    async def talk(self, socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            self.recognizer = Recognizer(self.book)
            self.speaking_until_s = 0.0
            self.quiet_frames = 0
            self.answered = True
            await self.speak(socket, GREETING)
        elif message["event"] == "media":
            await self.hear(socket, base64.b64decode(message["media"]["payload"]))

    async def hear(self, socket: Socket, frame: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        for block in self.recognizer.feed(frame):
            self.words += [word.text for word in block.words]
            if block.is_voice:
                self.quiet_frames, self.answered = 0, False
                if now_s < self.speaking_until_s:
                    self.speaking_until_s = 0.0
                    await socket.send("clear")
            else:
                self.quiet_frames += 1
        if not self.answered and self.quiet_frames * 0.02 >= self.answer_delay_s:
            self.answered = True
            await self.speak(socket, LONG)

    async def speak(self, socket: Socket, text: str) -> None:
        speech = VOICE.synthesize(text)
        await socket.play(speech.audio, f"{len(text)}:0")
        now_s = asyncio.get_running_loop().time()
        self.speaking_until_s = now_s + speech.duration_ms / 1000


def new_caller(book: UtteranceBook | None = None) -> ScriptedCaller:
    caller = ScriptedCaller(VOICE, UtteranceBook() if book is None else book, voice_name="en-us+f2")
    caller.rehearse("An oil change, please.", "No, on Friday.", "uh-huh")
    return caller


async def test_a_conversation_is_heard_answered_and_measured(twilio: TwilioSandbox) -> None:
    book = UtteranceBook()
    caller, agents = new_caller(book), Receptionist(book)
    async with serve(Agent(agents.talk, documents())) as agent:
        call = await place(twilio, agent, caller)
        began_s = await caller.hears_agent(5)
        done_s = await caller.agent_done(quiet_ms=300)
        assert done_s - began_s == pytest.approx(
            VOICE.synthesize(GREETING).duration_ms / 1000, abs=0.1
        )
        said = await caller.say("An oil change, please.")
        answered_s = await caller.hears_agent(5)
        interrupted = await caller.interrupt("No, on Friday.", after_ms=300)
        await caller.hears_agent(5)
        await caller.heard_ms(200)
        await caller.hang_up()
        await call.ended(5)
    assert agents.words == ["An", "oil", "change,", "please.", "No,", "on", "Friday."]
    record, heard = call.record, call.record.heard()
    assert record.utterances == [said, interrupted]
    assert said.manner is Manner.SAY and interrupted.manner is Manner.INTERRUPT
    assert said.start_s * 50 == pytest.approx(round(said.start_s * 50))
    first = round(said.start_s * 8000)
    spoken = VOICE.synthesize("An oil change, please.", voice="en-us+f2").audio
    assert record.said[first : first + len(spoken)] == spoken
    assert set(record.said[first : round(said.onset_s * 8000)]) <= {0xFF, 0x7F, 0xFE, 0x7E}
    delay_ms = voice_to_voice_ms(heard, said)
    assert delay_ms == pytest.approx((answered_s - said.end_s) * 1000)
    assert delay_ms is not None and 300 <= delay_ms <= 700
    stopped_ms = onset_to_clear_ms(interrupted, record.clears_s())
    assert stopped_ms is not None and 20 <= stopped_ms <= 300
    tail = onset_to_silence(heard, interrupted)
    assert tail is not None and tail.after_onset_ms <= stopped_ms
    assert stale_after_clear_ms(heard, record.clears_s()[0]) == 0
    assert call.problems == []


async def test_a_backchannel_is_spoken_while_the_agent_speaks(twilio: TwilioSandbox) -> None:
    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            await socket.play(VOICE.synthesize(LONG).audio)

    caller = new_caller()
    async with serve(Agent(talk, documents())) as agent:
        await place(twilio, agent, caller)
        murmur = await caller.backchannel(after_ms=500)
        assert caller.is_hearing_agent
        assert murmur.manner is Manner.BACKCHANNEL
        assert murmur.onset_s == pytest.approx(murmur.start_s, abs=0.05)
        began_s = await caller.hears_agent(1)
        assert 0.5 <= murmur.start_s - began_s <= 0.8
        await caller.hang_up()


async def test_keys_sounds_and_pauses(twilio: TwilioSandbox) -> None:
    caller = new_caller()
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent, caller)
        await caller.wait(100)
        await caller.make_sound(b"\x10" * 320)
        await caller.press("1#", gap_ms=40)
        await caller.hang_up()
        await call.ended(5)
        digits = [m["dtmf"]["digit"] for m in agent.sockets[0].events("dtmf")]
    assert digits == ["1", "#"]
    assert call.record.said.count(b"\x10" * 320) == 1
    first, second = call.record.keys
    assert second.at_s - first.at_s >= 0.04


async def test_waiting_in_vain_says_for_what(twilio: TwilioSandbox) -> None:
    caller = new_caller()
    async with serve(Agent(listen_only, documents())) as agent:
        await place(twilio, agent, caller)
        with pytest.raises(TimeoutError, match="the agent to be heard"):
            await caller.hears_agent(0.1)
        with pytest.raises(TimeoutError, match="600 ms of silence"):
            await caller.agent_done(timeout_s=0.1)
        with pytest.raises(TimeoutError, match="500 ms of the agent"):
            await caller.interrupt("No, on Friday.", after_ms=500, timeout_s=0.1)


async def test_the_end_of_the_call_ends_the_script(twilio: TwilioSandbox) -> None:
    caller = new_caller()
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent, caller)
        await caller.wait(50)
        async with asyncio.TaskGroup() as group:
            script = group.create_task(_hear(caller))
            await asyncio.sleep(0.05)
            call.hang_up()
        assert script.result() == "over"
        with pytest.raises(CallOverError):
            await caller.say("An oil change, please.")


async def _hear(caller: ScriptedCaller) -> str:
    try:
        await caller.hears_agent(5)
    except CallOverError:
        return "over"
    return "heard"


async def test_a_call_that_is_never_answered_ends_the_script(twilio: TwilioSandbox) -> None:
    caller = new_caller()
    async with serve(Agent(listen_only, {})) as agent:
        await place(twilio, agent, caller)
        with pytest.raises(CallOverError):
            await caller.hears_agent(5)


async def test_misuse_is_refused() -> None:
    caller = new_caller()
    with pytest.raises(CallOverError, match="no line"):
        _ = caller.now_s
    with pytest.raises(ValueError, match="whole frames"):
        await caller.make_sound(b"\x10")
    with pytest.raises(ValueError, match="no such key"):
        await caller.press("x")
    with pytest.raises(ValueError, match="sound"):
        await caller.say("")
    Line(caller)
    with pytest.raises(ValueError, match="one call"):
        Line(caller)
