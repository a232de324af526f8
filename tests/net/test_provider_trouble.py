"""Calls while Deepgram or the model fails: they go on, or end with a spoken reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.net.rig import CUT_OFF, POLICY, Model, Rig, running, until
from tests.net.shop import MemoryJournal
from tests.net.test_session import LONG, ask, texts_heard
from voicecore.sandbox.caller import ScriptedCaller
from voicecore.sandbox.deepgram_knobs import ListenKnobs
from voicecore.sandbox.openai import Fault
from voicecore.sandbox.openai_reply import Reply, ToolCall
from voicecore.sandbox.twilio_call import PlacedCall

SPOKEN = "Please tell me your prices and opening hours."
ANSWER = "We open at eight."


def listen_knobs(rig: Rig, **faults: object) -> ListenKnobs:
    """The rig's quick listener, with faults."""
    return replace(rig.deepgram.listen.knobs, **faults)  # type: ignore[arg-type]


async def hears(rig: Rig, call: PlacedCall, text: str, timeout_s: float = 8.0) -> None:
    """Wait until the caller has heard all of `text`."""
    await until(lambda: text in texts_heard(rig, call), timeout_s)


def spoken_by(rig: Rig) -> list[str]:
    """What the speaker was given to say."""
    return [speech.text for speech in rig.spoken()]


# --- Deepgram does not listen --------------------------------------------------------------------


async def test_a_listener_that_refuses_is_told_and_the_keypad_works(redis_url: str) -> None:
    """401 at once, 429 and 503 after three tries; then digits are the caller's words."""
    async with running(redis_url, policy=replace(POLICY, silence_ms=700)) as rig:
        knobs = rig.deepgram.listen.knobs
        calls: list[tuple[ScriptedCaller, PlacedCall]] = []
        for status in (401, 429, 503):
            knobs.refuse_next, knobs.refuse_status = 10, status
            caller = rig.caller()
            calls.append((caller, await rig.ring(caller)))
            await until(lambda: len(rig.events("listener_failed")) == len(calls))
        await asyncio.gather(
            *(hears(rig, call, "I cannot hear you.") for _, call in calls),
        )
        assert [line["status"] for line in rig.events("listener_failed")] == [401, 429, 503]
        caller, call = calls[0]
        await caller.press("42#", gap_ms=40)
        await until(lambda: rig.model.heard == ["4 2"])
        await hears(rig, call, ANSWER)
        await caller.hang_up()
        # The others press nothing: the agent cannot help them.
        for _, other in calls[1:]:
            await other.ended(12)
            assert other.said[0] == CUT_OFF
            assert texts_heard(rig, other)[-1] == "Something is wrong. Goodbye."
        await rig.over(call)
        causes = sorted(line["cause"] for line in rig.events("call_ended"))
        assert causes == ["caller", "failure", "failure"]
        assert [line["reason"] for line in rig.events("gave_up")] == ["deaf", "deaf"]


@pytest.mark.parametrize("at_s", [0.8, pytest.param(1.4, marks=pytest.mark.slow)])
async def test_no_word_is_lost_when_the_listener_drops_in_mid_utterance(
    redis_url: str, at_s: float
) -> None:
    async with running(redis_url) as rig:
        rig.deepgram.listen.script_next(listen_knobs(rig, drop_after_audio_s=at_s))
        caller = rig.caller(SPOKEN)
        call = await rig.ring(caller)
        await caller.interrupt(SPOKEN, after_ms=100, timeout_s=3)
        await until(lambda: bool(rig.model.heard), 6)
        assert rig.model.heard == [SPOKEN]
        await hears(rig, call, ANSWER)
        await caller.hang_up()
        await rig.over(call)
        assert len(rig.events("listener_lost", fatal=False)) == 1
        assert len(rig.events("listener_restored")) == 1


async def test_a_listener_that_falls_silent_is_replaced_without_a_word_lost(redis_url: str) -> None:
    async with running(redis_url) as rig:
        rig.deepgram.listen.script_next(listen_knobs(rig, is_stalled=True))
        caller = rig.caller(SPOKEN)
        call = await rig.ring(caller)
        await caller.interrupt(SPOKEN, after_ms=100, timeout_s=3)
        await until(lambda: rig.model.heard == [SPOKEN], 6)
        await caller.hang_up()
        await rig.over(call)
        assert len(rig.events("listener_lost", reason="no answer to the caller's voice")) >= 1


async def test_a_listener_that_talks_nonsense_is_replaced(redis_url: str) -> None:
    async with running(redis_url) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await until(lambda: bool(rig.deepgram.listen_connections))
        for _ in range(5):
            rig.deepgram.listen_connections[0].inject('{"type":"Results","channel":')
        await until(lambda: len(rig.events("listener_restored")) == 1)
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")


@pytest.mark.slow
async def test_a_listener_that_answers_the_upgrade_late_does_not_delay_the_greeting(
    redis_url: str,
) -> None:
    async with running(redis_url) as rig:
        rig.deepgram.listen.knobs.answer_delay_s = 1.5
        caller = rig.caller()
        call = await rig.ring(caller)
        await caller.hears_agent(1)
        await hears(rig, call, "I cannot hear you.")
        await caller.hang_up()
        await rig.over(call)


# --- Deepgram does not speak ---------------------------------------------------------------------


async def test_without_a_voice_the_clips_speak_first_and_twilio_last(redis_url: str) -> None:
    """Greeting and "Say it again." are clips; after a second mute reply Twilio's voice ends it."""
    async with running(redis_url) as rig:
        rig.deepgram.speak.knobs.refuse_next = 100
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await hears(rig, call, "Say it again.")
        await caller.press("6#", gap_ms=40)
        await rig.over(call)
        assert texts_heard(rig, call)[0].startswith("Thank you for calling")
        assert call.said[0] == CUT_OFF
        assert rig.ending() == ("failure", "the agent is done")
        assert len(rig.events("reply_unspoken")) == 2


async def test_without_voice_and_clips_twilio_speaks(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        rig.deepgram.speak.knobs.refuse_next = 100
        rig.deepgram.speak.knobs.refuse_status = 401
        call = await rig.ring()
        await rig.over(call)
        assert call.said[0] == CUT_OFF
        assert rig.ending() == ("failure", "the agent is done")


@pytest.mark.parametrize("fault", ["drops", pytest.param("stalls", marks=pytest.mark.slow)])
async def test_a_voice_that_breaks_off_goes_on_with_the_next_sentence(
    redis_url: str, fault: str
) -> None:
    """Nothing is said twice: the broken sentence ends early, the next one is whole."""
    async with running(redis_url, Model(Reply(f"{LONG} {ANSWER}"))) as rig:
        knobs = replace(rig.deepgram.speak.knobs)
        knobs.drop_after_audio_s = 0.6 if fault == "drops" else None
        knobs.stall_after_audio_s = 0.6 if fault == "stalls" else None
        rig.deepgram.speak.script_next(knobs)
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await hears(rig, call, ANSWER)
        knobs.stall_after_audio_s = None
        await caller.hang_up()
        await rig.over(call)
        heard = texts_heard(rig, call)
        assert heard[-1] == ANSWER
        assert heard.count(ANSWER) == 1
        assert len(rig.events("segment_unspoken")) == 1


async def test_a_voice_that_never_begins_is_tried_again_and_then_replaced_by_a_clip(
    redis_url: str,
) -> None:
    async with running(redis_url) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await until(lambda: bool(rig.deepgram.speak_connections))
        rig.deepgram.speak_connections[0].knobs = replace(rig.deepgram.speak.knobs, is_stalled=True)
        rig.deepgram.speak.knobs.is_stalled = True
        await ask(caller)
        await hears(rig, call, "Say it again.")
        rig.deepgram.speak.knobs.is_stalled = False
        await caller.press("6#", gap_ms=40)
        await hears(rig, call, ANSWER)
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")


# --- the model fails -----------------------------------------------------------------------------

EVERYDAY = (500, Fault.HANG, Fault.MALFORMED_ARGUMENTS)
RARE = (503, Fault.ERROR_AT_START, Fault.CUT_AT_START, Fault.HANG_BEFORE)


@pytest.mark.parametrize(
    "fault", [*EVERYDAY, *(pytest.param(fault, marks=pytest.mark.slow) for fault in RARE)]
)
async def test_one_failure_of_the_model_is_not_noticed(redis_url: str, fault: Fault | int) -> None:
    broken = fault is Fault.MALFORMED_ARGUMENTS
    look_up = Reply(calls=(ToolCall("lookup_customer", {"phone": "3125550142"}),))
    model = Model(look_up, Reply(ANSWER)) if broken else Model()
    async with running(redis_url, model) as rig:
        if isinstance(fault, Fault):
            rig.openai.break_next(fault)
        else:
            rig.openai.fail_next(1, fault)
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await hears(rig, call, ANSWER)
        await caller.hang_up()
        await rig.over(call)
        assert texts_heard(rig, call)[1:] == [ANSWER]
        assert not rig.events("reply_failed")


@pytest.mark.parametrize(
    "fault",
    [
        Fault.CUT,
        Fault.GARBAGE,
        pytest.param(Fault.ERROR_IN_STREAM, marks=pytest.mark.slow),
        pytest.param(Fault.NO_FINISH, marks=pytest.mark.slow),
    ],
)
async def test_an_answer_that_breaks_off_is_asked_for_again(redis_url: str, fault: Fault) -> None:
    """Words may have been spoken already: an apology comes between, and one log line."""
    async with running(redis_url) as rig:
        rig.openai.break_next(fault)
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await hears(rig, call, ANSWER)
        await caller.hang_up()
        await rig.over(call)
        assert len(rig.events("reply_failed")) <= 1
        assert rig.ending() == ("caller", "stop")


@pytest.mark.parametrize(
    "fault",
    [
        500,
        pytest.param(Fault.HANG_BEFORE, marks=pytest.mark.slow),
        pytest.param(Fault.MALFORMED_ARGUMENTS, marks=pytest.mark.slow),
    ],
)
async def test_while_the_model_is_down_a_message_is_taken_and_written_down(
    redis_url: str, fault: Fault | int
) -> None:
    journal = MemoryJournal()
    async with running(redis_url, journal=journal) as rig:
        if isinstance(fault, Fault):
            rig.openai.break_next(fault, 50)
        else:
            rig.openai.fail_next(50, fault)
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await until(lambda: bool(rig.events("turn_latency", turn=1)), 8)
        await caller.press("6#", gap_ms=40)
        await until(lambda: bool(rig.events("turn_latency", turn=2)), 8)
        await caller.hang_up()
        await rig.over(call)
        assert any(text.startswith("Thank you, I have written") for text in spoken_by(rig))
        assert not rig.events("gave_up")
        assert journal.stats[0]["messages"] == ["6"]
        llm = journal.stats[0]["llm"]
        assert llm["requests"] == llm["failed"] >= 4


async def test_a_model_that_stays_down_ends_the_call_with_a_spoken_reason(
    redis_url: str,
) -> None:
    """Once code has nothing more to say either, two more tries are made."""
    async with running(redis_url) as rig:
        rig.openai.fail_next(50, 500)
        caller = rig.caller()
        call = await rig.ring(caller)
        await until(lambda: bool(len(rig.parts.live)))
        rig.session(call.call_sid)._parts.conversation._scripted._in_a_row = 99
        await ask(caller)
        await rig.over(call)
        assert texts_heard(rig, call)[1:] == ["One second.", "Something is wrong. Goodbye."]
        assert rig.ending() == ("failure", "the agent is done")
        assert len(rig.events("gave_up")) == 1
        assert call.said[0] == CUT_OFF


async def test_with_a_human_at_hand_a_broken_model_means_a_transfer(redis_url: str) -> None:
    async with running(redis_url, settings={"transfer_number": "+13125550111"}) as rig:
        rig.openai.fail_next(50, 500)
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await rig.over(call)
        assert texts_heard(rig, call)[1:] == ["One second.", "A colleague."]
        assert call.dialed == ["+13125550111"]
        assert rig.ending() == ("transfer", "the caller goes to a human")


async def test_the_fallback_model_answers_when_the_first_is_gone(redis_url: str) -> None:
    async with running(redis_url, fallback_model="gpt-4o-mini") as rig:
        rig.openai.fail_next(2, 500)
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await hears(rig, call, ANSWER)
        assert rig.openai.requests[-1]["model"] == "gpt-4o-mini"
        await caller.hang_up()
        await rig.over(call)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("no_such_tool", {}), ("book_appointment", {"slot": 7}), ("lookup_customer", {})],
)
async def test_a_tool_call_that_makes_no_sense_is_answered_to_the_model(
    redis_url: str, name: str, arguments: dict[str, object]
) -> None:
    model = Model(Reply(calls=(ToolCall(name, arguments),)), Reply(ANSWER))
    async with running(redis_url, model) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await hears(rig, call, ANSWER)
        results = [m for m in rig.openai.requests[-1]["messages"] if m["role"] == "tool"]
        assert len(results) == 1 and "error" in results[0]["content"]
        await caller.hang_up()
        await rig.over(call)


async def test_half_characters_of_the_model_harm_nobody(redis_url: str) -> None:
    """A lone surrogate is legal in JSON, but no UTF-8: it must not break the written record."""
    model = Model(
        Reply(calls=(ToolCall("transfer_to_human", {"reason": "\ud800 broken"}),)), Reply(ANSWER)
    )
    async with running(redis_url, model) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await hears(rig, call, ANSWER)
        await caller.hang_up()
        await rig.over(call)
        assert not rig.events("call_broke") and not rig.events("journal_write_failed")
        snapshot = await rig.redis.hgetall(f"session:{{{call.call_sid}}}")
        assert "transfer_to_human" in snapshot["snapshot"]
