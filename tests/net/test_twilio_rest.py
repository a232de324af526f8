"""Twilio's REST API through the stand-in: the gate, refusals, outages, unknown outcomes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from tests.net.rig import AUTH_TOKEN, SHOP_NUMBER
from tests.net.shop import MARIA
from voicecore.errors import TwilioRestError
from voicecore.net import twilio_rest
from voicecore.net.twilio_rest import NumberNotAllowed, TwilioRest
from voicecore.sandbox.twilio import TwilioSandbox
from voicecore.sandbox.twilio_rest import RestFault


@asynccontextmanager
async def api(
    allowed: tuple[str, ...] = (MARIA,), token: str = AUTH_TOKEN, base: str = ""
) -> AsyncIterator[tuple[TwilioSandbox, TwilioRest]]:
    async with TwilioSandbox(auth_token=AUTH_TOKEN) as twilio, aiohttp.ClientSession() as http:
        yield (
            twilio,
            TwilioRest(
                http,
                api_base=twilio.api_base,
                account_sid=twilio.account_sid,
                auth_token=token,
                from_e164=SHOP_NUMBER,
                allowed_numbers=allowed,
                public_base_url=base,
            ),
        )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio_rest, "RETRY_DELAY_S", 0.01)
    monkeypatch.setattr(twilio_rest, "REQUEST_TIMEOUT_S", 0.3)


async def test_a_text_is_sent_to_an_allowed_number() -> None:
    async with api() as (twilio, rest):
        sid = await rest.send_sms(MARIA, "Tomorrow at nine.")
        (message,) = twilio.messages
        assert (message.sid, message.to, message.from_) == (sid, MARIA, SHOP_NUMBER)
        assert message.body == "Tomorrow at nine."


@pytest.mark.parametrize(
    "number",
    ["+13125550199", "+1900555010", "911", "", f"{MARIA} ", f"{MARIA};ext=1", "sip:a@b", "+1312"],
)
async def test_the_gate_is_shut_for_every_other_number(number: str) -> None:
    async with api() as (twilio, rest):
        with pytest.raises(NumberNotAllowed) as refused:
            await rest.send_sms(number, "x")
        assert not refused.value.unknown_outcome and not twilio.messages


async def test_an_empty_list_means_nobody() -> None:
    async with api(()) as (twilio, rest):
        with pytest.raises(NumberNotAllowed):
            await rest.send_sms(MARIA, "x")
        assert not twilio.messages


async def test_only_a_busy_api_is_asked_again() -> None:
    async with api() as (twilio, rest):
        twilio.rest.fail_next(*[RestFault(status=429, code=20429)] * 2)
        assert await rest.send_sms(MARIA, "x")
        twilio.rest.fail_next(*[RestFault(status=429, code=20429)] * 3)
        with pytest.raises(TwilioRestError) as busy:
            await rest.send_sms(MARIA, "x")
        assert (busy.value.code, busy.value.unknown_outcome) == (20429, False)
        assert len(twilio.messages) == 1


@pytest.mark.parametrize(
    ("fault", "code", "unknown"),
    [
        (RestFault(status=400, code=21211), 21211, False),
        (RestFault(status=500, code=20500), 20500, True),
        (RestFault(status=503, code=20503), 20503, True),
        (RestFault(drops=True), None, True),
        (RestFault(delay_s=0.5), None, True),
    ],
)
async def test_a_failure_says_whether_it_may_have_worked(
    fault: RestFault, code: int | None, unknown: bool
) -> None:
    async with api() as (twilio, rest):
        twilio.rest.fail_next(fault)
        with pytest.raises(TwilioRestError) as failed:
            await rest.send_sms(MARIA, "x")
        assert (failed.value.code, failed.value.unknown_outcome) == (code, unknown)


async def test_a_wrong_token_is_refused() -> None:
    async with api(token="wrong") as (_, rest):
        with pytest.raises(TwilioRestError) as refused:
            await rest.send_sms(MARIA, "x")
        assert refused.value.code == 20003 and not refused.value.unknown_outcome


async def test_nobody_at_the_address_means_that_nothing_was_sent() -> None:
    async with api() as (_, rest):
        rest._account_url = "http://127.0.0.1:1/2010-04-01/Accounts/AC1"
        with pytest.raises(TwilioRestError) as failed:
            await rest.send_sms(MARIA, "x")
        assert not failed.value.unknown_outcome


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"not JSON", b'{"sid": 7}'])
async def test_an_answer_without_a_sid_is_an_unknown_outcome(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=answer, status=201)

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as http:
            rest = TwilioRest(
                http,
                api_base=f"http://127.0.0.1:{runner.addresses[0][1]}/",
                account_sid="AC1",
                auth_token="x",
                from_e164=SHOP_NUMBER,
                allowed_numbers=(MARIA,),
            )
            with pytest.raises(TwilioRestError) as failed:
                await rest.send_sms(MARIA, "x")
            assert failed.value.unknown_outcome
    finally:
        await runner.cleanup()


async def test_hanging_up_a_call_that_is_over_is_fine() -> None:
    async with api() as (twilio, rest):
        await rest.hang_up("CA" + "0" * 32)
        twilio.rest.fail_next(RestFault(status=400, code=21220))
        await rest.hang_up("CA" + "0" * 32)
        twilio.rest.fail_next(RestFault(status=400, code=20001))
        with pytest.raises(TwilioRestError):
            await rest.hang_up("CA" + "0" * 32)


async def test_a_call_is_placed_with_all_that_follows_it() -> None:
    async with api(base="https://agent.example.com/") as (twilio, rest):
        sid = await rest.place_call(MARIA, "/outbound-reminder?attempt=7", longest_s=300)
        (form,) = twilio.rest.call_forms
        assert form["Url"] == ["https://agent.example.com/outbound-reminder?attempt=7"]
        assert form["StatusCallback"] == ["https://agent.example.com/call-status"]
        assert form["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
        assert form["FallbackUrl"] == ["https://agent.example.com/call-error"]
        assert form["MachineDetection"] == ["DetectMessageEnd"] and form["AsyncAmd"] == ["true"]
        assert form["AsyncAmdStatusCallback"] == ["https://agent.example.com/amd"]
        assert (form["TimeLimit"], form["Timeout"]) == (["300"], ["30"])
        (call,) = await rest.calls_to(MARIA)
        assert call.call_sid == sid and call.created_at is not None
        assert abs(datetime.now(UTC) - call.created_at) < timedelta(minutes=1)
        assert (await rest.call(sid)).call_sid == sid


@pytest.mark.parametrize(
    "number", ["+13125550199", f"{MARIA} ", f"{MARIA};ext=1", "", "\uff0b1312"]
)
async def test_nobody_else_is_rung(number: str) -> None:
    async with api() as (twilio, rest):
        with pytest.raises(NumberNotAllowed):
            await rest.place_call(number, "/x", longest_s=60)
        assert not rest.admits(number) and not twilio.calls and not twilio.rest.requests


async def test_a_call_of_unknown_outcome_is_not_placed_twice() -> None:
    async with api(base="https://agent.example.com") as (twilio, rest):
        twilio.rest.fail_next(RestFault(drops=True, acts=True))
        with pytest.raises(TwilioRestError) as failed:
            await rest.place_call(MARIA, "/x", longest_s=60)
        assert failed.value.unknown_outcome
        assert len(await rest.calls_to(MARIA)) == len(twilio.calls) == 1


async def test_a_call_that_is_not_there_is_said_so() -> None:
    async with api() as (_, rest):
        with pytest.raises(TwilioRestError) as failed:
            await rest.call("CA" + "0" * 32)
        assert failed.value.code == 20404
