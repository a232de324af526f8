from __future__ import annotations

import importlib.util
import logging
import os
import socket
from pathlib import Path

import pytest
import redis.asyncio

import voicecore.sandbox.redis as module
from voicecore.sandbox.child import ChildError
from voicecore.sandbox.redis import EmbeddedRedis


async def test_it_keeps_values_and_runs_lua() -> None:
    with EmbeddedRedis() as server:
        client = redis.asyncio.Redis.from_url(server.url, decode_responses=True)
        await client.set("key", "value")
        script = "return redis.call('GET', KEYS[1]) .. ARGV[1]"
        assert await client.eval(script, 1, "key", "!") == "value!"
        assert await client.getdel("key") == "value"
        await client.aclose()


async def test_a_killed_server_comes_back_empty_on_its_port() -> None:
    with EmbeddedRedis() as server:
        url = server.url
        client = redis.asyncio.Redis.from_url(url)
        await client.set("key", "value")
        server.kill()
        with pytest.raises((redis.ConnectionError, OSError)):
            await client.get("key")
        server.start()
        assert server.url == url
        assert await client.get("key") is None
        await client.aclose()


async def test_nothing_is_written_to_disk() -> None:
    with EmbeddedRedis() as server:
        client = redis.asyncio.Redis.from_url(server.url)
        await client.set("key", "value")
        await client.aclose()
        runtime = server._runtime
        assert runtime is not None
        server.restart()
        assert [path.name for path in runtime.iterdir()] == ["log"]


def test_stopping_removes_process_and_folder() -> None:
    server = EmbeddedRedis()
    server.start()
    pid, runtime = server.pid, server._runtime
    assert pid is not None
    assert runtime is not None
    server.stop()
    server.stop()
    assert not runtime.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_port_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        server = EmbeddedRedis(port=squatter.getsockname()[1])
        with pytest.raises(ChildError, match="in use"):
            server.start()


def test_starting_twice_is_refused() -> None:
    with EmbeddedRedis() as server, pytest.raises(ChildError, match="already"):
        server.start()


@pytest.mark.skipif(
    importlib.util.find_spec("fakeredis") is None, reason="this Python has a real server instead"
)
async def test_without_a_real_server_fakeredis_steps_in_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_find_server", lambda: None)
    with caplog.at_level(logging.WARNING), EmbeddedRedis() as server:
        assert server.kind == "fakeredis"
        assert "fakeredis" in caplog.text
        client = redis.asyncio.Redis.from_url(server.url, decode_responses=True)
        await client.hset("hash", "field", "value")
        assert await client.eval("return redis.call('HGET', KEYS[1], ARGV[1])", 1, "hash", "field")
        await client.aclose()
        server.restart()
        assert await client.hgetall("hash") == {}
        await client.aclose()


def test_the_server_on_path_is_used_where_the_wheel_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "valkey-server"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module._find_server() == str(fake)
