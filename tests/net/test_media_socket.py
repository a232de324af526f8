"""The server's end of a media socket when the other end misbehaves."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import WSMsgType

from tests.net.rig import until
from tests.net.socket_pair import socket_pair
from voicecore.net import media_socket
from voicecore.net.media_socket import MediaSocket


async def test_texts_pass_both_ways_and_a_close_is_polite() -> None:
    async with socket_pair() as (server, client):
        server.send("hello")
        assert (await client.receive()).data == "hello"
        await client.send_str("there")
        message = await server.receive(1)
        assert (message.type, message.data) == (WSMsgType.TEXT, "there")
        closing = asyncio.gather(server.close(1008, "ticket"), server.close())
        assert (await client.receive()).type is WSMsgType.CLOSE
        await closing
        assert client.close_code == 1008
        await server.close()


async def test_a_receiver_sees_the_close_of_its_own_side() -> None:
    async with socket_pair() as (server, client):
        receiving = asyncio.gather(server.receive(5), server.close(), client.receive())
        message, _, _ = await receiving
        assert message.type in (WSMsgType.CLOSING, WSMsgType.CLOSED)


async def test_silence_is_a_timeout_and_the_socket_lives_on() -> None:
    async with socket_pair() as (server, client):
        with pytest.raises(TimeoutError):
            await server.receive(0.05)
        await client.send_str("late")
        assert (await server.receive(1)).data == "late"


async def test_sending_to_a_peer_that_is_gone_is_a_connection_error() -> None:
    async with socket_pair() as (server, client):
        client._response.connection.transport.abort()  # type: ignore[union-attr]
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(2):
                while True:
                    server.send("x")
                    await asyncio.sleep(0.01)
        assert (await server.receive(1)).type in (WSMsgType.CLOSED, WSMsgType.CLOSING)
        await server.close()


async def test_a_pong_that_cannot_be_sent_is_an_error_message() -> None:
    async with socket_pair() as (server, client):
        await client.ping()
        client._response.connection.transport.abort()  # type: ignore[union-attr]
        await until(lambda: server._transport.is_closing())  # type: ignore[union-attr]
        message = await server.receive(1)
        assert message.type in (WSMsgType.ERROR, WSMsgType.CLOSED, WSMsgType.CLOSING)


async def test_a_peer_that_reads_nothing_is_let_go_by_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(media_socket, "SEND_TIMEOUT_S", 0.2)
    monkeypatch.setattr(media_socket, "CLOSE_TIMEOUT_S", 0.2)
    async with socket_pair() as (server, client):
        transport = client._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.pause_reading()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                while True:
                    if not server.is_blocked():
                        server.send("x" * 30_000)
                    await asyncio.sleep(0.01)
        await server.close()
        await until(lambda: server._transport.is_closing())  # type: ignore[union-attr]
        assert (await server.receive(1)).type in (WSMsgType.CLOSED, WSMsgType.CLOSING)
        transport.abort()


async def test_a_close_that_cannot_be_sent_ends_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_socket, "CLOSE_TIMEOUT_S", 0.1)
    async with socket_pair() as (server, client):
        transport = client._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None and server._transport is not None
        transport.pause_reading()
        for _ in range(2_000):
            server._transport.write(b"\x81\x7e\x10\x00" + b"x" * 4096)
        async with asyncio.timeout(2):
            await server.close()
        await until(lambda: server._transport.is_closing())  # type: ignore[union-attr]
        transport.abort()


async def test_without_a_transport_there_is_nothing_to_force() -> None:
    async with socket_pair() as (server, client):
        lone = MediaSocket(server.response, None)
        await asyncio.gather(lone.close(), client.receive())
        assert client.close_code == aiohttp.WSCloseCode.OK
