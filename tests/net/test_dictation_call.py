"""Whole calls in which the agent has asked for something that has an end of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.net.rig import POLICY, Model, Rig, running, until
from tests.net.test_session import ask
from voicecore.sandbox.caller import ScriptedCaller
from voicecore.sandbox.openai_reply import Reply

pytestmark = pytest.mark.slow

PATIENT = replace(POLICY, endpoint_ms=8000, silence_ms=9000, dead_air_ms=15_000)
"""No fallback timer of the ordinary kind can end a turn within a test."""
GROUPS = ("three one two", "five five five", "oh one four two")


async def questioned(rig: Rig, caller: ScriptedCaller) -> None:
    """Let the caller hear the model's question to its end."""
    await ask(caller)
    await until(lambda: bool(rig.events("turn_latency", turn=1)))
    await caller.agent_done(400)


@pytest.mark.parametrize("says_final", [True, False])
async def test_a_number_dictated_with_pauses_is_one_turn(redis_url: str, says_final: bool) -> None:
    """The listener ends the utterance at each pause; the question asked for ten digits."""
    model = Model(Reply("What is the phone number on your account?"), Reply("Thank you."))
    policy = replace(PATIENT, endpoint_ms=600)
    async with running(redis_url, model, policy=policy) as rig:
        rig.deepgram.listen.knobs.withholds_speech_final = not says_final
        caller = rig.caller(*GROUPS)
        call = await rig.ring(caller)
        await questioned(rig, caller)
        for group in GROUPS:
            assert len(rig.openai.requests) == 1, "the turn was ended within the number"
            await caller.say(group)
            if group is not GROUPS[-1]:
                await caller.wait(1000)
        await until(lambda: len(rig.openai.requests) == 2, 6)
        assert model.heard[-1] == " ".join(GROUPS)
        await caller.hang_up()
        await rig.over(call)


async def test_a_yes_is_answered_without_the_listener_ending_the_utterance(
    redis_url: str,
) -> None:
    """`speech_final` never comes and UtteranceEnd late: the words themselves are whole."""
    model = Model(Reply("That is Thursday at two p.m. Shall I book it?"), Reply("Thank you."))
    async with running(redis_url, model, policy=PATIENT) as rig:
        rig.deepgram.listen.knobs.withholds_speech_final = True
        rig.deepgram.listen.knobs.answers_finalize = False
        caller = rig.caller("Yes please.")
        call = await rig.ring(caller)
        await questioned(rig, caller)
        await caller.say("Yes please.")
        await until(lambda: len(rig.openai.requests) == 2, 5)
        assert model.heard[-1] == "Yes please."
        await caller.hang_up()
        await rig.over(call)
