"""The REST interface, asked by the vendor's own client.

Source: Twilio, Calls resource, Messages resource, error dictionary.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp
import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.sandbox.agents import (
    CONNECT,
    PUBLIC,
    Agent,
    documents,
    eventually,
    hang_up_after,
    listen_only,
    place,
    response,
    serve,
)
from voicecore.sandbox.twilio import SilentCaller, TwilioSandbox
from voicecore.sandbox.twilio_call import CallStatus
from voicecore.sandbox.twilio_rest import RestFault
from voicecore.sandbox.twilio_stream import StreamEnd

T = TypeVar("T")
OURS, THEIRS = "+15550199", "+15550100"


class LoopbackHttp(TwilioHttpClient):
    """The vendor's HTTP client, with only the host exchanged."""

    def __init__(self, base: str, timeout: float = 5) -> None:
        super().__init__(timeout=timeout, pool_connections=False)
        self._base = base

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        url = url.replace("https://api.twilio.com", self._base)
        return super().request(method, url, *args, **kwargs)


def client_of(twilio: TwilioSandbox, secret: str | None = None, timeout: float = 5) -> Client:
    http = LoopbackHttp(twilio.api_base, timeout)
    return Client(twilio.account_sid, secret or twilio.auth_token, http_client=http)


async def ask(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


async def error_of(work: Callable[[], object]) -> tuple[int, int | None]:
    with pytest.raises(TwilioRestException) as caught:
        await ask(work)
    return caught.value.status, caught.value.code


async def test_a_message_is_sent_and_found_again(twilio: TwilioSandbox) -> None:
    client = client_of(twilio)
    sent = await ask(
        lambda: client.messages.create(to=THEIRS, from_=OURS, body="See you on Monday.")
    )
    assert sent.sid is not None and sent.sid.startswith("SM")
    assert (sent.status, sent.num_segments, sent.error_code) == ("queued", "1", None)
    assert sent.date_created is not None
    (message,) = twilio.messages
    assert (message.sid, message.to, message.body) == (sent.sid, THEIRS, "See you on Monday.")
    found = await ask(lambda: client.messages.list(to=THEIRS))
    assert [entry.sid for entry in found] == [sent.sid]
    assert (await ask(lambda: client.messages.list(to=OURS))) == []
    assert (await ask(lambda: client.messages(str(sent.sid)).fetch())).body == message.body


async def test_a_delivery_is_reported_and_signed(twilio: TwilioSandbox) -> None:
    client = client_of(twilio)
    async with serve(Agent(listen_only, {"/sms": response("")})) as agent:
        twilio.route(PUBLIC, agent.url)
        await ask(
            lambda: client.messages.create(
                to=THEIRS, messaging_service_sid="MG1", body="Hi", status_callback=f"{PUBLIC}/sms"
            )
        )
        await eventually(lambda: len(agent.requests) == 2)
    assert [params["MessageStatus"] for _, _, params, _ in agent.requests] == ["sent", "delivered"]
    _, path, params, headers = agent.requests[0]
    assert RequestValidator(twilio.auth_token).validate(
        PUBLIC + path, params, headers["X-Twilio-Signature"]
    )


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"to": "12", "from_": OURS, "body": "x"}, (400, 21211)),
        ({"to": "", "from_": OURS, "body": "x"}, (400, 21604)),
        ({"to": THEIRS, "from_": "shop", "body": "x"}, (400, 21212)),
        ({"to": THEIRS, "body": "x"}, (400, 21603)),
        ({"to": THEIRS, "from_": OURS, "body": ""}, (400, 21602)),
        ({"to": THEIRS, "from_": OURS, "body": "x" * 1601}, (400, 21617)),
        ({"to": "+15550123", "from_": OURS, "body": "x"}, (400, 21610)),
    ],
)
async def test_a_message_that_twilio_refuses(
    twilio: TwilioSandbox, form: dict[str, str], expected: tuple[int, int]
) -> None:
    twilio.rest.refused_numbers["+15550123"] = 21610
    client = client_of(twilio)
    assert await error_of(lambda: client.messages.create(**form)) == expected  # type: ignore[arg-type]
    assert twilio.messages == []


async def test_wrong_credentials_are_20003(twilio: TwilioSandbox) -> None:
    client = client_of(twilio, "wrong")
    assert await error_of(lambda: client.messages("SM1").fetch()) == (401, 20003)
    other = client_of(twilio)
    assert await error_of(lambda: other.api.v2010.accounts("ACother").calls("CA1").fetch()) == (
        401,
        20003,
    )
    async with aiohttp.ClientSession() as session:
        for header in ("", "Bearer x", "Basic %%", "Basic /w=="):
            url = f"{twilio.api_base}/2010-04-01/Accounts/{twilio.account_sid}/Calls.json"
            async with session.get(url, headers={"Authorization": header}) as answer:
                assert answer.status == 401


async def test_an_api_key_opens_the_account(twilio: TwilioSandbox) -> None:
    twilio.rest.keys["SK1"] = "key-secret"
    client = Client(
        "SK1", "key-secret", twilio.account_sid, http_client=LoopbackHttp(twilio.api_base)
    )
    assert await ask(lambda: client.calls.list()) == []


async def test_an_unknown_resource_is_20404(twilio: TwilioSandbox) -> None:
    client = client_of(twilio)
    assert await error_of(lambda: client.calls("CAnone").fetch()) == (404, 20404)
    assert await error_of(lambda: client.calls("CAnone").update(status="completed")) == (404, 20404)
    assert await error_of(lambda: client.messages("SMnone").fetch()) == (404, 20404)
    assert await error_of(lambda: client.conferences("CF1").fetch()) == (404, 20404)


async def test_injected_errors_come_once_each(twilio: TwilioSandbox) -> None:
    twilio.rest.fail_next(RestFault(status=429, code=20429), RestFault(status=500, code=20500))
    client = client_of(twilio)
    assert await error_of(lambda: client.calls("CA1").fetch()) == (429, 20429)
    assert await error_of(lambda: client.calls("CA1").fetch()) == (500, 20500)
    assert await ask(lambda: client.calls.list()) == []


async def test_a_dropped_answer_leaves_the_outcome_open(twilio: TwilioSandbox) -> None:
    client = client_of(twilio)
    send = lambda: client.messages.create(to=THEIRS, from_=OURS, body="x")  # noqa: E731
    twilio.rest.fail_next(RestFault(drops=True), RestFault(drops=True, acts=True))
    for sent in (0, 1):
        with pytest.raises(requests.ConnectionError):
            await ask(send)
        assert len(twilio.messages) == sent


async def test_a_slow_answer_runs_into_the_clients_timeout(twilio: TwilioSandbox) -> None:
    client = client_of(twilio, timeout=0.1)
    twilio.rest.fail_next(RestFault(delay_s=0.4))
    with pytest.raises(requests.ReadTimeout):
        await ask(lambda: client.calls.list())


async def test_hanging_up_by_rest_stops_the_stream(twilio: TwilioSandbox) -> None:
    client = client_of(twilio)
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: agent.sockets and agent.sockets[0].events("media"))
        before = await ask(lambda: client.calls(call.call_sid).fetch())
        assert (before.status, before.direction) == ("in-progress", "inbound")
        assert before.from_formatted == "+15550100"
        await ask(lambda: client.calls(call.call_sid).update(status="completed"))
        assert await call.ended(5) is CallStatus.COMPLETED
        assert agent.sockets[0].received[-1]["event"] == "stop"
    again = client.calls(call.call_sid)
    assert await error_of(lambda: again.update(status="completed")) == (404, 20404)
    assert await error_of(lambda: again.update(twiml="<Response/>")) == (400, 21220)
    ended = await ask(lambda: client.calls.list(status="completed"))
    assert [entry.sid for entry in ended] == [call.call_sid]


async def test_a_redirect_by_rest_replaces_the_document(twilio: TwilioSandbox) -> None:
    client = client_of(twilio)
    async with serve(Agent(listen_only, documents(next=response("<Say>Two</Say>")))) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: agent.sockets and agent.sockets[0].events("media"))
        one = client.calls(call.call_sid)
        assert await error_of(lambda: one.update(status="paused")) == (400, 20001)
        assert await error_of(lambda: one.update(status="canceled")) == (400, 21220)
        assert await error_of(lambda: one.update(url="nowhere")) == (400, 21205)
        pause = response("<Say>One</Say><Pause length='30'/>")
        await ask(lambda: one.update(twiml=pause))
        await eventually(lambda: call.said == ["One"])
        await ask(lambda: one.update(url=f"{PUBLIC}/next"))
        assert await call.ended(5) is CallStatus.COMPLETED
        assert call.said == ["One", "Two"]
        assert call.streams[0].end is StreamEnd.STOPPED
        assert agent.sockets[0].received[-1]["event"] == "stop"


async def test_an_outbound_call_is_answered_and_reported(twilio: TwilioSandbox) -> None:
    client = client_of(twilio)
    async with serve(Agent(listen_only, documents(CONNECT, status=response("")))) as agent:
        twilio.route(PUBLIC, agent.url)
        twilio.answer(THEIRS, SilentCaller())
        made = await ask(
            lambda: client.calls.create(
                to=THEIRS,
                from_=OURS,
                url=f"{PUBLIC}/incoming-call",
                status_callback=f"{PUBLIC}/status",
                status_callback_event=["initiated", "ringing", "answered", "completed"],
            )
        )
        assert (made.status, made.direction) == ("queued", "outbound-api")
        call = twilio.calls[str(made.sid)]
        await eventually(lambda: agent.sockets and agent.sockets[0].events("media"))
        await hang_up_after(call, 0)
        await eventually(lambda: agent.paths().count("/status") == 4)
    reports = [params for _, path, params, _ in agent.requests if path == "/status"]
    assert [report["CallStatus"] for report in reports] == [
        "initiated", "ringing", "in-progress", "completed",
    ]  # fmt: skip
    assert [report["SequenceNumber"] for report in reports] == ["0", "1", "2", "3"]
    voice = next(params for _, path, params, _ in agent.requests if path == "/incoming-call")
    assert (voice["Direction"], voice["CallStatus"]) == ("outbound-api", "in-progress")


@pytest.mark.parametrize("outcome", [None, CallStatus.BUSY, CallStatus.FAILED])
async def test_nobody_answers_unless_told_to(
    twilio: TwilioSandbox, outcome: CallStatus | None
) -> None:
    client = client_of(twilio)
    if outcome is not None:
        twilio.answer(THEIRS, outcome)
    made = await ask(lambda: client.calls.create(to=THEIRS, from_=OURS, twiml=CONNECT))
    call = twilio.calls[str(made.sid)]
    assert await call.ended(5) is (outcome or CallStatus.NO_ANSWER)
    assert call.requests == []


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"to": "x", "from_": OURS, "twiml": CONNECT}, 21211),
        ({"to": "", "from_": OURS, "twiml": CONNECT}, 21201),
        ({"to": THEIRS, "from_": "", "twiml": CONNECT}, 21213),
        ({"to": THEIRS, "from_": "x", "twiml": CONNECT}, 21212),
        ({"to": THEIRS, "from_": OURS}, 21205),
        ({"to": THEIRS, "from_": OURS, "url": "ftp://x"}, 21205),
        ({"to": THEIRS, "from_": OURS, "twiml": "x" * 4001}, 21224),
    ],
)
async def test_a_call_that_twilio_refuses(
    twilio: TwilioSandbox, form: dict[str, str], expected: int
) -> None:
    client = client_of(twilio)
    assert await error_of(lambda: client.calls.create(**form)) == (400, expected)  # type: ignore[arg-type]
    assert twilio.calls == {}
