"""What fills a silence: a filler while a tool runs, prompts while the caller says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.net.rig import MARIA, POLICY, Model, running, until
from tests.net.shop import OneCustomer, PastVisit
from tests.net.test_session import ask, texts_heard
from voicecore.call.policy import Policy
from voicecore.sandbox.openai_reply import Reply, ToolCall

pytestmark = pytest.mark.slow

FILLER, ANSWER = "Moment.", "We open at eight."
LOOK_UP = ToolCall("lookup_customer", {"phone": MARIA, "name": None, "plate": None})


class SlowHistory(OneCustomer):
    """A directory whose visits take their time."""

    def __init__(self, delay_s: float) -> None:
        super().__init__()
        self.delay_s = delay_s

    async def history(self, customer_id: int, limit: int) -> Sequence[PastVisit]:
        await asyncio.sleep(self.delay_s)
        return []


def using_tools(rounds: int = 1) -> Model:
    """A model that looks the caller up, then asks for the visits, and answers at last."""
    visits = Reply(calls=(ToolCall("check_appointment_history", {}),))
    return Model(Reply(calls=(LOOK_UP,)), *[visits] * rounds, Reply(ANSWER))


async def heard_with(
    redis_url: str, delay_s: float, policy: Policy, *, rounds: int = 1
) -> list[str]:
    """Everything that a caller hears behind the greeting while tools take `delay_s` each."""
    directory = SlowHistory(delay_s)
    async with running(redis_url, using_tools(rounds), directory=directory, policy=policy) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await until(lambda: ANSWER in texts_heard(rig, call), 30)
        await caller.hang_up()
        await rig.over(call)
        return texts_heard(rig, call)[1:]


async def test_a_tool_of_650_ms_has_no_filler(redis_url: str) -> None:
    """The exact 700 ms are shown in virtual time; here a loaded machine gets room."""
    policy = replace(POLICY, filler_after_ms=2500, dead_air_ms=20_000, silence_ms=20_000)
    assert await heard_with(redis_url, 0.65, policy) == [ANSWER]


@pytest.mark.parametrize("rounds", [1, 2])
async def test_slow_tools_have_exactly_one_filler_a_turn(redis_url: str, rounds: int) -> None:
    policy = replace(POLICY, filler_after_ms=700, dead_air_ms=20_000, silence_ms=20_000)
    heard = await heard_with(redis_url, 2.5, policy, rounds=rounds)
    assert heard == [FILLER, ANSWER]


async def test_a_slow_model_has_no_filler(redis_url: str) -> None:
    policy = replace(POLICY, filler_after_ms=100)
    async with running(redis_url, Model(Reply(ANSWER)), policy=policy) as rig:
        rig.openai.first_token_delay_s = 0.3
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await until(lambda: ANSWER in texts_heard(rig, call), 10)
        await caller.hang_up()
        await rig.over(call)
        assert FILLER not in texts_heard(rig, call)


async def test_a_silent_caller_is_asked_twice_and_then_bidden_goodbye(redis_url: str) -> None:
    policy = replace(POLICY, silence_ms=600)
    async with running(redis_url, policy=policy) as rig:
        call = await rig.ring()
        await rig.over(call, 30)
        assert texts_heard(rig, call)[1:] == ["Still there?", "Hello?", "Goodbye."]
        assert rig.ending() == ("agent", "the agent is done")
        assert not rig.openai.requests


async def test_a_caller_who_answers_the_prompt_is_listened_to(redis_url: str) -> None:
    policy = replace(POLICY, silence_ms=600)
    async with running(redis_url, Model(Reply(ANSWER)), policy=policy) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await until(lambda: "Still there?" in texts_heard(rig, call), 15)
        await caller.press("5#", gap_ms=40)
        await until(lambda: ANSWER in texts_heard(rig, call), 10)
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")
