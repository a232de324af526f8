"""Twilio's webhooks: real ones, repeated ones, forged ones, and those that make no sense."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import pytest

from tests.net.media_client import (
    media_socket,
    new_call_sid,
    post,
    prepared_call,
    started_stream,
    ticket_in,
    voice_form,
)
from tests.net.rig import AUTH_TOKEN, CUT_OFF, PUBLIC_URL, Rig, running, until
from tests.net.shop import MARIA, MemoryPhoneEvents
from voicecore.call.events import HangupCause
from voicecore.net.spoken_answers import BUSY_TEXT, CALL_AGAIN_TEXT, NOBODY_TEXT, TRANSFER_TEXT
from voicecore.sandbox.twilio_signature import sign

FORM = "application/x-www-form-urlencoded"
PATHS = ("/incoming-call", "/call-resume")


async def raw(
    rig: Rig,
    path: str,
    body: bytes,
    *,
    content_type: str = FORM,
    signature: str | None = None,
    method: str = "POST",
) -> int:
    headers = {"Content-Type": content_type}
    if signature is not None:
        headers["X-Twilio-Signature"] = signature
    async with rig.http.request(method, f"{rig.url}{path}", data=body, headers=headers) as response:
        await response.read()
        return response.status


def nothing_prepared(rig: Rig) -> bool:
    return not len(rig.parts.prepared) and rig.deepgram.opened_total == 0


# --- who is asking -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
async def test_forged_webhooks_are_forbidden_and_open_nothing(redis_url: str, path: str) -> None:
    form = voice_form(new_call_sid())
    body = urlencode(form).encode()
    url = f"{PUBLIC_URL}{path}"
    right = sign(AUTH_TOKEN, url, form)
    forgeries = {
        "missing": None,
        "empty": "",
        "nonsense": "nonsense",
        "not ASCII": "ü" * 8,
        "another token": sign("another token", url, form),
        "an empty token": sign("", url, form),
        "another parameter": sign(AUTH_TOKEN, url, form | {"From": "+13125550199"}),
        "fewer parameters": sign(AUTH_TOKEN, url, {"CallSid": form["CallSid"]}),
        "no parameters": sign(AUTH_TOKEN, url, None),
        "plain http": sign(AUTH_TOKEN, url.replace("https", "http"), form),
        "another host": sign(AUTH_TOKEN, f"https://evil.example{path}", form),
        "another port": sign(AUTH_TOKEN, f"{PUBLIC_URL}:8443{path}", form),
        "a slash more": sign(AUTH_TOKEN, f"{url}/", form),
        "another path": sign(AUTH_TOKEN, f"{PUBLIC_URL}/other", form),
        "a query": sign(AUTH_TOKEN, f"{url}?x=1", form),
        "a moved parameter": sign(AUTH_TOKEN, f"{url}A1", form),
        "lower case": right.lower(),
        "cut short": right[:-4],
        "twice": right + right,
    }
    async with running(redis_url, clips=False) as rig:
        for name, signature in forgeries.items():
            assert await raw(rig, path, body, signature=signature) == 403, name
        assert await raw(rig, path, b'{"CallSid":"x"}', content_type="application/json") == 403
        assert await raw(rig, f"{path}?x=1", body, signature=right) == 403
        assert nothing_prepared(rig)
        assert len(rig.events("webhook_refused")) == len(forgeries) + 2


async def test_the_host_header_does_not_decide_which_address_is_signed(redis_url: str) -> None:
    form = voice_form(new_call_sid())
    async with running(redis_url, clips=False) as rig:
        headers = {
            "Host": "evil.example",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
            "X-Twilio-Signature": sign(AUTH_TOKEN, "https://evil.example/incoming-call", form),
        }
        async with rig.http.post(
            f"{rig.url}/incoming-call", data=form, headers=headers
        ) as response:
            assert response.status == 403


@pytest.mark.parametrize("query", ["?a=1", "?name=Jo%20Ann&x=%2B1", "?a=1&a=2", "?"])
async def test_a_query_is_part_of_what_is_signed_as_it_was_sent(redis_url: str, query: str) -> None:
    form = voice_form(new_call_sid())
    events = MemoryPhoneEvents(calls={form["CallSid"]})
    async with running(redis_url, clips=False, phone_events=events) as rig:
        signature = sign(AUTH_TOKEN, f"{PUBLIC_URL}/call-resume{query}", form)
        body = urlencode(form).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", int(rig.url.split(":")[-1]))
        head = (
            f"POST /call-resume{query} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"
            f"X-Twilio-Signature: {signature}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_no_form_of_a_call_is_a_bad_request(redis_url: str, path: str) -> None:
    async with running(redis_url, clips=False) as rig:
        url = f"{PUBLIC_URL}{path}"

        async def status(form: dict[str, str]) -> int:
            return (await post(rig, path, form))[0]

        for bad in ("", "CA", "CA" + "G" * 32, "ca" + "0" * 32, f"CA{'0' * 32}\n", "'; DROP"):
            assert await status({"CallSid": bad, "From": MARIA}) == 400, bad
        assert await status({"From": MARIA}) == 400
        empty = sign(AUTH_TOKEN, url, None)
        assert await raw(rig, path, b"", signature=empty) == 400
        for content_type in ("application/json", "text/plain", "multipart/form-data", "", "x"):
            signed = await raw(rig, path, b"{}", content_type=content_type, signature=empty)
            assert signed == 400, content_type
        for charset in ("nonsense", "utf-7", "idna"):
            odd = await raw(
                rig, path, b"\xff\xfe", content_type=f"{FORM}; charset={charset}", signature=empty
            )
            assert odd in (400, 403, 415), charset
        assert nothing_prepared(rig)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_only_post_is_allowed(redis_url: str, path: str, method: str) -> None:
    async with running(redis_url, clips=False) as rig:
        assert await raw(rig, path, b"", method=method) == 405


async def test_a_form_that_is_too_large_is_refused(redis_url: str) -> None:
    form = voice_form(new_call_sid(), Filler="x" * 40_000)
    async with running(redis_url, clips=False) as rig:
        status, _ = await post(rig, "/incoming-call", form)
        assert status == 413
        many = {f"p{number}": "" for number in range(3000)} | voice_form(new_call_sid())
        status, _ = await post(rig, "/incoming-call", many)
        assert status < 500


# --- an incoming call ----------------------------------------------------------------------------


async def test_the_same_call_gets_the_same_answer_and_one_session(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        form = voice_form(new_call_sid())
        answers = await asyncio.gather(*(post(rig, "/incoming-call", form) for _ in range(5)))
        assert len(set(answers)) == 1 and answers[0][0] == 200
        assert len(rig.parts.prepared) == 1
        await until(lambda: rig.deepgram.opened_total == 2)
        await asyncio.sleep(0.1)
        assert rig.deepgram.opened_total == 2


async def test_a_repeated_webhook_does_not_open_a_running_or_finished_call_again(
    redis_url: str,
) -> None:
    async with running(redis_url, clips=False) as rig:
        async with started_stream(rig) as (client, call_sid):
            await client.media()
            await until(lambda: call_sid in rig.parts.live)
            await client.stop(call_sid)
            await client.closed()
        await rig.nothing_left()
        opened = rig.deepgram.opened_total
        status, body = await post(rig, "/incoming-call", voice_form(call_sid))
        assert status == 200 and "<Hangup/>" in body and "<Stream" not in body
        assert rig.deepgram.opened_total == opened and not len(rig.parts.prepared)


@pytest.mark.parametrize(
    ("number", "known"),
    [
        (MARIA, MARIA),
        ("anonymous", None),
        ("Restricted", None),
        ("+266696687", None),
        ("sip:alice@example.com", None),
        ("client:alice", None),
        ("+", None),
        ("", None),
        ("+1312555014২", None),
        ("13125550142", None),
        (f"{MARIA}\n", None),
        ("<script>alert(1)</script>", None),
    ],
)
async def test_only_a_telephone_number_is_taken_for_one(
    redis_url: str, number: str, known: str | None
) -> None:
    async with running(redis_url, clips=False) as rig:
        status, _ = await post(rig, "/incoming-call", voice_form(new_call_sid(), From=number))
        assert status == 200
        (waiting,) = rig.parts.prepared._waiting.values()
        assert waiting.session.info.from_e164 == known


async def test_a_form_without_numbers_is_still_a_call(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        status, body = await post(rig, "/incoming-call", {"CallSid": new_call_sid()})
        assert status == 200 and ticket_in(body)


@pytest.mark.parametrize("transfer_number", ["", "+13125550111"])
@pytest.mark.parametrize("why", ["full", "draining"])
async def test_one_call_too_many_is_told_so(redis_url: str, transfer_number: str, why: str) -> None:
    async with running(
        redis_url, clips=False, max_calls=1, settings={"transfer_number": transfer_number}
    ) as rig:
        rig.parts.draining = why == "draining"
        if why == "full":
            await prepared_call(rig)
        assert (await (await rig.http.get(f"{rig.url}/readyz")).text()) == f"{why}\n"
        call = await rig.ring()
        await call.ended(5)
        first = call.said[0]
        assert first.startswith(BUSY_TEXT)
        assert call.dialed == ([transfer_number] if transfer_number else [])
        assert call.said[-1] == (NOBODY_TEXT if transfer_number else CALL_AGAIN_TEXT)
        assert len(rig.events("call_refused", reason=why)) == 1
        assert not call.problems


async def test_health_and_readiness(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        for path, text in (("/healthz", "ok\n"), ("/readyz", "ready\n")):
            async with rig.http.get(f"{rig.url}{path}") as response:
                assert (response.status, await response.text()) == (200, text)
        rig.parts.draining = True
        async with rig.http.get(f"{rig.url}/readyz") as response:
            assert response.status == 503
        async with rig.http.get(f"{rig.url}/nowhere") as response:
            assert response.status == 404


# --- after the stream ----------------------------------------------------------------------------


@pytest.mark.parametrize("transfer_number", ["", "+13125550111"])
@pytest.mark.parametrize("cause", [*HangupCause, None])
async def test_what_a_call_hears_after_its_stream(
    redis_url: str, cause: HangupCause | None, transfer_number: str
) -> None:
    call_sid = new_call_sid()
    async with running(
        redis_url,
        clips=False,
        settings={"transfer_number": transfer_number},
        phone_events=MemoryPhoneEvents(calls={call_sid}),
    ) as rig:
        if cause is not None:
            rig.parts.live._ends[call_sid] = cause
        status, body = await post(rig, "/call-resume", voice_form(call_sid))
        assert status == 200
        dials = f">{transfer_number}</Number>" in body and bool(transfer_number)
        if cause in (HangupCause.AGENT, HangupCause.CALLER, HangupCause.SHUTDOWN):
            assert body.endswith("<Response><Hangup/></Response>")
        elif cause is HangupCause.TRANSFER:
            expected = TRANSFER_TEXT if transfer_number else NOBODY_TEXT
            assert expected in body and dials == bool(transfer_number)
        else:
            assert CUT_OFF in body and dials == bool(transfer_number)
        ends = None if cause is None else cause.value
        assert len(rig.events("after_stream", end=ends)) == 1


async def test_the_end_is_known_while_the_session_still_tidies_up(redis_url: str) -> None:
    """Twilio asks as soon as the socket is closed; a slow farewell must not look like a crash."""
    async with running(redis_url, clips=False) as rig:
        async with started_stream(rig) as (client, call_sid):
            await client.media()
            await until(lambda: call_sid in rig.parts.live)
            rig.session(call_sid)._close(HangupCause.AGENT, "the agent is done")
            status, body = await post(rig, "/call-resume", voice_form(call_sid))
            assert call_sid in rig.parts.live
            assert status == 200 and "<Hangup/>" in body and "Say" not in body
            await client.closed()
        await rig.nothing_left()
        assert rig.parts.live.end_of(call_sid) is HangupCause.AGENT


async def test_a_prepared_call_that_asks_what_is_next_is_given_back(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        call_sid, ticket = await prepared_call(rig)
        status, body = await post(rig, "/call-resume", voice_form(call_sid))
        assert status == 200 and CUT_OFF in body
        await rig.nothing_left()
        async with media_socket(rig) as client:
            await client.start(call_sid, ticket)
            assert await client.closed() == 1008


async def test_webhooks_in_any_order_and_number_never_fail(redis_url: str) -> None:
    async with running(redis_url, clips=False, max_calls=3) as rig:
        sids = [new_call_sid() for _ in range(4)]
        asked = [(path, sid) for sid in sids for path in PATHS * 3]
        answers = await asyncio.gather(*(post(rig, path, voice_form(sid)) for path, sid in asked))
        assert {status for status, _ in answers} <= {200, 404}
        for sid in sids:
            await post(rig, "/call-resume", voice_form(sid))
        await rig.nothing_left()
