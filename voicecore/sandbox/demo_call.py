"""The demonstration call: what Maria says on the phone, and what the line knows of it afterwards.

She hears before she speaks: every step waits for the agent. Once she only says "uh-huh" while the
agent goes on, and once she interrupts a long sentence with another question.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from voicecore.sandbox.call_record import Manner, Utterance
from voicecore.sandbox.caller import CallOverError, ScriptedCaller
from voicecore.sandbox.heard_truth import HeardSpeech, heard_speeches
from voicecore.sandbox.measure import (
    onset_to_clear_ms,
    stale_after_clear_ms,
    underruns,
    voice_to_voice_ms,
)
from voicecore.sandbox.stand_ins import SHOP_NUMBER, StandIns
from voicecore.sandbox.twilio_call import PlacedCall

MARIAS_NUMBER = "+13125550142"
CALL_LIMIT_S = 180.0
_ANSWER_S = 20.0
_VOICE = "en-us+f3"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenTurn:
    """One utterance of the caller; `loop_end_s` is its end on the event loop's clock."""

    utterance: Utterance
    voice_to_voice_ms: float | None
    onset_to_clear_ms: float | None
    stale_ms: float
    loop_onset_s: float
    loop_end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCall:
    """What happened, from the caller's side of the line.

    `zero_s` is the call's zero on the event loop's clock; `script_error` says where the caller
    gave up waiting, empty when the whole script was played. `marks` came back: when (in s), name,
    whether a clear sent them back.
    """

    call_sid: str
    zero_s: float
    said: bytes
    heard: bytes
    turns: tuple[SpokenTurn, ...]
    speeches: tuple[HeardSpeech, ...]
    clears_s: tuple[float, ...]
    marks: tuple[tuple[float, str, bool], ...]
    underrun_ms: tuple[float, ...]
    problems: tuple[str, ...]
    script_error: str


async def place_demo_call(stand_ins: StandIns, server_url: str, public_url: str) -> DemoCall:
    """Place the call at a running server and play it to its end."""
    assert stand_ins.twilio is not None and stand_ins.deepgram is not None
    caller = ScriptedCaller(stand_ins.voice, stand_ins.book, voice_name=_VOICE)
    call = await stand_ins.twilio.place_call(
        f"{server_url}/incoming-call",
        public_url=public_url,
        from_=MARIAS_NUMBER,
        to=SHOP_NUMBER,
        caller=caller,
    )
    error = ""
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            await _talk(caller)
        await call.ended(_ANSWER_S)
    except (CallOverError, TimeoutError) as failure:
        error = str(failure) or "the call took too long"
        with suppress(CallOverError):
            await caller.hang_up()
        with suppress(TimeoutError):
            await call.ended(_ANSWER_S)
    return _facts(stand_ins, call, error)


async def _talk(caller: ScriptedCaller) -> None:
    await _listen(caller)
    await caller.say("Hi, my number is three one two, five five five, oh one four two.")
    await _listen(caller)
    await caller.say("I'd like to book an oil change.")
    await caller.backchannel("uh-huh", after_ms=1500, timeout_s=_ANSWER_S)
    await _listen(caller)
    await caller.say("What do you have tomorrow?")
    await caller.interrupt(
        "Wait, do you have anything in the afternoon?", after_ms=1800, timeout_s=_ANSWER_S
    )
    await _listen(caller)
    await caller.say("The first one, please.")
    await _listen(caller)
    await caller.say("Yes, please.")
    await _listen(caller)
    await caller.say("No, that's all. Thank you, goodbye.")


async def _listen(caller: ScriptedCaller) -> None:
    await caller.agent_done(quiet_ms=1000, timeout_s=_ANSWER_S)


def _facts(stand_ins: StandIns, call: PlacedCall, error: str) -> DemoCall:
    assert stand_ins.deepgram is not None
    record = call.record
    heard = record.heard()
    clears_s = record.clears_s()
    spoken = [speech for line in stand_ins.deepgram.speak.history for speech in line.spoken]
    return DemoCall(
        call_sid=call.call_sid,
        zero_s=call.line.loop_time(0.0),
        said=bytes(record.said),
        heard=heard,
        turns=tuple(
            SpokenTurn(
                utterance=utterance,
                voice_to_voice_ms=(
                    None
                    if utterance.manner is Manner.BACKCHANNEL
                    else voice_to_voice_ms(heard, utterance)
                ),
                onset_to_clear_ms=onset_to_clear_ms(utterance, clears_s, within_ms=1000),
                stale_ms=_stale_ms(heard, utterance, clears_s),
                loop_onset_s=call.line.loop_time(utterance.onset_s),
                loop_end_s=call.line.loop_time(utterance.end_s),
            )
            for utterance in record.utterances
        ),
        speeches=heard_speeches(spoken, heard),
        clears_s=clears_s,
        marks=tuple((echo.at_s, echo.name, echo.cleared) for echo in record.echoes),
        underrun_ms=tuple(
            gap.length_ms for playout in record.playouts for gap in underruns(playout.underruns)
        ),
        problems=tuple(f"{problem.code}: {problem.reason}" for problem in call.problems),
        script_error=error,
    )


def _stale_ms(heard: bytes, utterance: Utterance, clears_s: tuple[float, ...]) -> float:
    after = [at_s for at_s in clears_s if at_s >= utterance.onset_s]
    return stale_after_clear_ms(heard, after[0]) if after else 0.0


def set_typical_delays(stand_ins: StandIns) -> None:
    """Let the providers take as long as the real ones do, so that the times mean something.

    Source: medians read in 2026 for Deepgram nova-3 (final words), GPT-4o (first token) and
    Aura-2 (first byte).
    """
    assert stand_ins.deepgram is not None and stand_ins.openai is not None
    stand_ins.deepgram.listen.knobs.final_delay_ms = 250
    stand_ins.deepgram.speak.knobs.first_byte_delay_ms = 100
    stand_ins.openai.first_token_delay_s = 0.375


def block_next_morning(stand_ins: StandIns, now: datetime) -> tuple[datetime, datetime]:
    """Let staff block the next day's first three hours in the calendar; returns the block.

    `now` carries the shop's zone. The offers of the call must leave it out.
    """
    assert stand_ins.google is not None
    day = now.date() + timedelta(days=1)
    start = datetime.combine(day, time(8), tzinfo=now.tzinfo)
    end = start + timedelta(hours=3)
    stand_ins.google.add_staff_event(start, end, summary="Lift inspection")
    return start, end
