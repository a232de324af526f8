"""Twilio's requests: routes to loopback, errors, methods."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from twilio.request_validator import RequestValidator

from tests.sandbox.agents import PUBLIC, Agent, documents, listen_only, serve
from voicecore.sandbox.twilio_webhook import Routes, WebhookClient, WebhookError


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.mark.parametrize(
    ("public", "local"),
    [
        ("https://a.example.com/x?y=%20z&e=", "http://127.0.0.1:81/x?y=%20z&e="),
        ("wss://a.example.com/media", "ws://127.0.0.1:81/media"),
        ("https://a.example.com", "http://127.0.0.1:81/"),
        ("http://a.example.com/x", None),
        ("https://b.example.com/x", None),
        ("nonsense", None),
    ],
)
def test_only_routed_addresses_lead_to_loopback(public: str, local: str | None) -> None:
    routes = Routes()
    routes.add("https://a.example.com/ignored", "http://127.0.0.1:81/also-ignored")
    found = routes.local(public)
    assert (None if found is None else str(found)) == local


def test_a_copy_of_the_routes_goes_its_own_way() -> None:
    routes = Routes({"https://a.example.com": "http://127.0.0.1:81"})
    other = routes.copy()
    other.add("https://a.example.com", "http://127.0.0.1:82")
    assert str(routes.local("https://a.example.com/")) == "http://127.0.0.1:81/"


async def test_get_carries_the_parameters_in_the_signed_address(
    session: aiohttp.ClientSession,
) -> None:
    async with serve(Agent(listen_only, documents())) as agent:
        routes = Routes({PUBLIC: agent.url})
        client = WebhookClient(session, auth_token="secret", routes=routes)
        answer = await client.request("GET", f"{PUBLIC}/incoming-call?a=1", {"From": "+1 5"})
    ((method, path, params, headers),) = agent.requests
    assert (method, path, params) == ("GET", "/incoming-call?a=1&From=%2B1+5", {})
    assert RequestValidator("secret").validate(PUBLIC + path, {}, headers["X-Twilio-Signature"])
    assert answer.status == 200
    assert client.requests == [answer]


@pytest.mark.parametrize(
    ("url", "code"),
    [("https://unknown.example.com/", 11205), (f"{PUBLIC}/missing", 11200)],
)
async def test_a_webhook_without_an_answer_has_a_code(
    session: aiohttp.ClientSession, url: str, code: int
) -> None:
    async with serve(Agent(listen_only, documents())) as agent:
        client = WebhookClient(session, auth_token="x", routes=Routes({PUBLIC: agent.url}))
        with pytest.raises(WebhookError) as caught:
            await client.request("POST", url, {})
    assert caught.value.code == code
    assert str(code) in str(caught.value)
    assert len(client.requests) == 1


async def test_nobody_listening_is_a_connection_error(session: aiohttp.ClientSession) -> None:
    client = WebhookClient(session, auth_token="x", routes=Routes({PUBLIC: "http://127.0.0.1:1"}))
    with pytest.raises(WebhookError, match="11205"):
        await client.request("POST", f"{PUBLIC}/", {})
