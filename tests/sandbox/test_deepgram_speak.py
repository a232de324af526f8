"""Upgrades to `/v1/speak` that are refused, delayed or scripted."""

from __future__ import annotations

import asyncio

import pytest

from tests.sandbox.deepgram_rig import SPEAK, connected, refused, sandbox
from voicecore.sandbox.deepgram_knobs import SpeakKnobs


async def test_a_wrong_key_is_401_with_the_vendors_body() -> None:
    async with sandbox() as server:
        status, body, headers = await refused(server.speak_url, SPEAK, "Token wrong")
    assert (status, body["err_code"]) == (401, "INVALID_AUTH")
    assert headers["dg-error"] == body["err_msg"]
    assert server.speak.refused == 1


@pytest.mark.parametrize(
    ("name", "value"), [("encoding", "opus"), ("sample_rate", "16000"), ("speed", "9")]
)
async def test_a_query_that_cannot_be_spoken_is_400(name: str, value: str) -> None:
    async with sandbox() as server:
        assert (await refused(server.speak_url, {**SPEAK, name: value}))[0] == 400


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_the_next_upgrades_can_be_refused(status: int) -> None:
    async with sandbox() as server:
        server.speak.knobs.refuse_status = status
        server.speak.knobs.refuse_next = 1
        assert (await refused(server.speak_url, SPEAK))[0] == status
        async with connected(server.speak_url, SPEAK) as client:
            await client.until("Metadata")


async def test_one_connection_can_have_knobs_of_its_own() -> None:
    async with sandbox() as server:
        server.speak.script_next(SpeakKnobs(refuse_next=1, refuse_status=429))
        assert (await refused(server.speak_url, SPEAK))[0] == 429
        async with connected(server.speak_url, SPEAK) as client:
            await client.until("Metadata")
            assert server.speak_connections[0].knobs is server.speak.knobs


async def test_the_answer_can_be_slow() -> None:
    clock = asyncio.get_running_loop().time
    async with sandbox() as server:
        server.speak.knobs.answer_delay_s = 0.2
        begin = clock()
        async with connected(server.speak_url, SPEAK):
            assert clock() - begin >= 0.2
