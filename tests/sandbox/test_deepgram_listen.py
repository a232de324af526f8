"""Upgrades to `/v1/listen` that are refused, delayed or scripted."""

from __future__ import annotations

import asyncio

import pytest

from tests.sandbox.deepgram_rig import LISTEN, connected, refused, sandbox
from voicecore.sandbox.deepgram_knobs import ListenKnobs


@pytest.mark.parametrize("authorization", [None, "Token wrong", "Basic c2VjcmV0"])
async def test_a_wrong_key_is_401_with_the_vendors_body(authorization: str | None) -> None:
    async with sandbox() as server:
        status, body, headers = await refused(server.listen_url, LISTEN, authorization)
    assert status == 401
    assert set(body) == {"err_code", "err_msg", "request_id"}
    assert body["err_code"] == "INVALID_AUTH"
    assert headers["dg-error"] == body["err_msg"]
    assert headers["dg-request-id"] == body["request_id"]
    assert server.listen.refused == 1
    assert server.opened_total == 0


async def test_a_wrong_query_is_400_and_names_the_parameter() -> None:
    async with sandbox() as server:
        status, body, headers = await refused(
            server.listen_url, {**LISTEN, "interim_results": "yes"}
        )
    assert status == 400
    assert "interim_results" in body["err_msg"]
    assert headers["dg-error"] == body["err_msg"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "INVALID_AUTH"), (429, "TOO_MANY_REQUESTS"), (503, "SERVICE_UNAVAILABLE")],
)
async def test_the_next_upgrades_can_be_refused(status: int, code: str) -> None:
    async with sandbox() as server:
        server.listen.knobs.refuse_status = status
        server.listen.knobs.refuse_next = 2
        for _ in range(2):
            got, body, _ = await refused(server.listen_url, LISTEN)
            assert (got, body["err_code"]) == (status, code)
        async with connected(server.listen_url, LISTEN):
            assert server.listen.opened == 1


async def test_one_connection_can_have_knobs_of_its_own() -> None:
    async with sandbox() as server:
        server.listen.script_next(ListenKnobs(refuse_next=1, refuse_status=429))
        assert (await refused(server.listen_url, LISTEN))[0] == 429
        async with connected(server.listen_url, LISTEN):
            assert server.listen_connections[0].knobs is server.listen.knobs


async def test_the_answer_can_be_slow() -> None:
    clock = asyncio.get_running_loop().time
    async with sandbox() as server:
        server.listen.knobs.answer_delay_s = 0.2
        begin = clock()
        async with connected(server.listen_url, LISTEN):
            assert clock() - begin >= 0.2
