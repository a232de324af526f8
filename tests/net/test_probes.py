"""What the doctor tries: each probe passes where all is well, and fails for its own reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from redis.exceptions import RedisError

from tests.net.rig import AUTH_TOKEN, SHOP_NUMBER, running
from voicecore.config import Settings
from voicecore.errors import LlmError, TwilioRestError
from voicecore.net.llm import LlmStream
from voicecore.net.probes import (
    ProbeError,
    clock_agrees,
    number_points_here,
    public_url_answers,
    redis_keeps,
    signature_round_trip,
    wanted_urls,
    websocket_upgrades,
)
from voicecore.net.twilio_rest import TwilioRest
from voicecore.net.voice_probes import Probe, VoiceServices, voice_probes
from voicecore.sandbox.stand_ins import Service, StandIns
from voicecore.sandbox.twilio import TwilioSandbox

BASE = "https://agent.example.com"
NOBODY = "http://127.0.0.1:1"


@asynccontextmanager
async def server(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def believes_everybody(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Upgrade", "").lower() == "websocket":
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close()
        return socket
    return web.Response(status=404, text="something else")


async def test_a_number_that_points_elsewhere_is_seen_and_set_right() -> None:
    async with TwilioSandbox(auth_token=AUTH_TOKEN) as twilio, aiohttp.ClientSession() as http:

        def rest(token: str = AUTH_TOKEN) -> TwilioRest:
            return TwilioRest(
                http,
                api_base=twilio.api_base,
                account_sid=twilio.account_sid,
                auth_token=token,
                from_e164=SHOP_NUMBER,
                allowed_numbers=(),
            )

        with pytest.raises(ProbeError, match="no such number"):
            await number_points_here(rest(), BASE, fix=False)
        number = twilio.rest.add_number(SHOP_NUMBER)
        number.urls["voice_url"] = "https://elsewhere.example.com/incoming-call"
        with pytest.raises(ProbeError, match=r"elsewhere\.example\.com"):
            await number_points_here(rest(), BASE, fix=False)
        assert number.urls["voice_url"].startswith("https://elsewhere")
        assert "voice_url" in await number_points_here(rest(), BASE, fix=True)
        assert number.urls == wanted_urls(BASE)
        assert "come here" in await number_points_here(rest(), BASE, fix=False)
        with pytest.raises(TwilioRestError):
            await number_points_here(rest("wrong"), BASE, fix=False)


async def test_our_own_server_passes_and_a_wrong_token_is_seen(redis_url: str) -> None:
    async with running(redis_url) as rig, aiohttp.ClientSession() as http:
        base = rig.url
        stream = f"{base.replace('http', 'ws')}/media-stream"
        assert "this server" in await public_url_answers(http, base)
        # The server checks signatures for its public address, which is another one here.
        with pytest.raises(ProbeError, match="our own signature it answers 403"):
            await signature_round_trip(http, base, AUTH_TOKEN)
        with pytest.raises(ProbeError, match="403"):
            await websocket_upgrades(http, stream, "wrong" * 8)


async def test_a_server_that_is_not_ours_or_believes_everybody_is_seen() -> None:
    async with aiohttp.ClientSession() as http, server(believes_everybody) as base:
        with pytest.raises(ProbeError, match="404"):
            await public_url_answers(http, base)
        with pytest.raises(ProbeError, match="a forged signature it answers 404"):
            await signature_round_trip(http, base, AUTH_TOKEN)
        with pytest.raises(ProbeError, match="stranger"):
            await websocket_upgrades(http, f"{base.replace('http', 'ws')}/x", AUTH_TOKEN)
        assert "agrees" in await clock_agrees(http, base)
        for probe in (public_url_answers(http, NOBODY), clock_agrees(http, NOBODY)):
            with pytest.raises(aiohttp.ClientError):
                await probe


async def test_a_clock_that_is_off_is_seen() -> None:
    async def tells_old_time(request: web.Request) -> web.Response:
        return web.Response(headers={"Date": "Tue, 24 Nov 2020 10:00:00 GMT"})

    async with aiohttp.ClientSession() as http, server(tells_old_time) as base:
        with pytest.raises(ProbeError, match="s off"):
            await clock_agrees(http, base)


async def test_redis_keeps_a_key_or_is_said_to_be_gone(redis_url: str) -> None:
    assert "keeps a key" in await redis_keeps(redis_url)
    with pytest.raises(RedisError):
        await redis_keeps("redis://127.0.0.1:1/0")


async def test_speech_and_model_work_on_the_stand_ins_and_not_with_wrong_keys() -> None:
    async with (
        StandIns(frozenset({Service.DEEPGRAM, Service.OPENAI})) as stand_ins,
        aiohttp.ClientSession() as http,
    ):
        settings = Settings.model_validate(
            {**Settings.model_construct().model_dump(), **stand_ins.settings}
        )

        async def probes(settings: Settings) -> dict[str, Probe]:
            llm = LlmStream(
                api_key=settings.openai_api_key.get_secret_value(),
                base_url=settings.openai_base_url,
                model=settings.openai_model,
            )
            opened.append(llm)
            rest = TwilioRest(
                http,
                api_base=NOBODY,
                account_sid="AC1",
                auth_token="x",
                from_e164=SHOP_NUMBER,
                allowed_numbers=(),
            )
            services = VoiceServices(settings, http, llm, rest)
            return {one.name: one for one in voice_probes(services, fix=False)}

        opened: list[LlmStream] = []
        try:
            good = await probes(settings)
            assert "heard its words" in await good["deepgram"].probe()
            assert "transfer_to_human" in await good["model"].probe()
            wrong = {"deepgram_api_key": "wrong", "openai_api_key": "wrong"}
            bad = await probes(Settings.model_validate({**settings.model_dump(), **wrong}))
            with pytest.raises(ProbeError, match="key"):
                await bad["deepgram"].probe()
            with pytest.raises(LlmError):
                await bad["model"].probe()
        finally:
            for llm in opened:
                await llm.aclose()
