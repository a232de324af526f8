"""Connecting to Deepgram: what is tried again, what is not, and what is left behind."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web

from tests.net.scripted_server import Connection, answering, drop, serving, until
from voicecore.errors import DeepgramError
from voicecore.net.deepgram_socket import (
    ConnectPolicy,
    close_reason,
    connect,
    is_refusal,
    receive,
    release,
)

QUICK = ConnectPolicy(delays_s=(0.0, 0.02, 0.04), budget_s=0.6, attempt_timeout_s=0.3)


async def idle(connection: Connection) -> None:
    await connection.until_gone()


async def dial(
    session: aiohttp.ClientSession, url: str, policy: ConnectPolicy = QUICK
) -> aiohttp.ClientWebSocketResponse:
    return await connect(session, url, api_key="k3y", service="listen", policy=policy)


async def test_the_key_goes_into_the_header_and_the_query_stays_as_it_is() -> None:
    async with serving(idle) as server, aiohttp.ClientSession() as session:
        ws = await dial(session, server.url + "?keyterm=brake%20pads")
        assert server.requests[0].headers["Authorization"] == "Token k3y"
        assert server.requests[0].raw_path.endswith("?keyterm=brake%20pads")
        await release(ws, timeout_s=0.5)
        await until(server.connections[0].ended.is_set)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_server_is_asked_again(status: int) -> None:
    async with serving(status, status, idle) as server, aiohttp.ClientSession() as session:
        ws = await dial(session, server.url)
        assert len(server.requests) == 3
        await release(ws, timeout_s=0.5)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
async def test_a_refusal_is_final(status: int) -> None:
    async with serving(status) as server, aiohttp.ClientSession() as session:
        with pytest.raises(DeepgramError) as caught:
            await dial(session, server.url)
        assert len(server.requests) == 1
    assert caught.value.status == status
    assert caught.value.reason == "upgrade refused: refused by script"
    assert is_refusal(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "the handshake error carries the key"


async def test_a_server_that_stays_busy_is_given_up() -> None:
    async with serving(503) as server, aiohttp.ClientSession() as session:
        with pytest.raises(DeepgramError) as caught:
            await dial(session, server.url)
        assert len(server.requests) == 3
    assert not is_refusal(caught.value)


@pytest.mark.parametrize(("retry_after", "requests"), [("5", 1), ("0", 2), ("soon", 2)])
async def test_a_long_retry_after_is_not_waited_for(retry_after: str, requests: int) -> None:
    busy = web.Response(status=429, headers={"Retry-After": retry_after})
    async with serving(busy, 401) as server, aiohttp.ClientSession() as session:
        with pytest.raises(DeepgramError):
            await dial(session, server.url)
        assert len(server.requests) == requests


async def test_nobody_at_the_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(DeepgramError) as caught:
            await dial(session, f"ws://127.0.0.1:{port}/v1/test")
    assert caught.value.status is None
    assert not is_refusal(caught.value)


@pytest.mark.parametrize("url", ["", "nonsense", "ws://[::1", "ws://127.0.0.1:x/", "ftp://a/b"])
async def test_a_wrong_address_is_a_deepgram_error(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(DeepgramError):
            await dial(session, url)


async def test_a_closed_session_is_a_deepgram_error() -> None:
    session = aiohttp.ClientSession()
    await session.close()
    with pytest.raises(DeepgramError):
        await dial(session, "ws://127.0.0.1:9/")


async def test_a_server_that_says_nothing_costs_no_more_than_the_budget() -> None:
    policy = ConnectPolicy(delays_s=(0.0, 0.02), budget_s=0.3, attempt_timeout_s=0.15)
    async with answering(b"") as url, aiohttp.ClientSession() as session:
        started_at = asyncio.get_running_loop().time()
        with pytest.raises(DeepgramError):
            await dial(session, url, policy)
        assert asyncio.get_running_loop().time() - started_at < 0.5


async def test_no_word_of_websockets_is_no_refusal() -> None:
    """Only the status of a real answer counts: rubbish on the wire may be gone next time."""
    async with answering(b"SSH-2.0-OpenSSH\r\n\r\n") as url, aiohttp.ClientSession() as session:
        with pytest.raises(DeepgramError) as caught:
            await dial(session, url)
    assert caught.value.status is None


async def test_the_end_of_a_connection_is_put_in_words() -> None:
    async def ends(connection: Connection) -> None:
        await connection.ws.close(code=1011, message=b"see dpgr.am/net0001")

    async def breaks(connection: Connection) -> None:
        drop(connection)

    async with serving(ends, breaks) as server, aiohttp.ClientSession() as session:
        ws = await dial(session, server.url)
        assert close_reason(await receive(ws)) == "closed 1011: see dpgr.am/net0001"
        await release(ws, timeout_s=0.5)
        ws = await dial(session, server.url)
        assert close_reason(await receive(ws)).startswith("connection lost")
        await release(ws, timeout_s=0.5)


async def test_a_peer_that_reads_nothing_is_let_go_by_force() -> None:
    async def deaf(connection: Connection) -> None:
        transport = connection.request.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        await asyncio.Event().wait()

    async with serving(deaf) as server, aiohttp.ClientSession() as session:
        ws = await dial(session, server.url)
        original = ws.get_extra_info("socket")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                while True:
                    await ws.send_bytes(bytes(100_000))
        started_at = asyncio.get_running_loop().time()
        await release(ws, timeout_s=0.1)
        assert asyncio.get_running_loop().time() - started_at < 0.3
        await until(lambda: original.fileno() == -1)
