"""Twilio's requests against the real records: forged, malformed, repeated and out of order."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from crm.phone_reports import PhoneReports
from crm.pool import close_pool, open_pool
from scheduler.phone_desk import PhoneDesk
from tests.crm.test_phone_reports import AT, dump, place
from tests.crm.test_phone_reports import OURS as PLACED
from tests.crm.test_phone_reports import SENT as SENT_SID
from tests.net.media_client import new_call_sid, post, voice_form
from tests.net.rig import AUTH_TOKEN, PUBLIC_URL, Rig, running, until
from tests.net.shop import MARIA
from voicecore.dialog.reminder import Reminder
from voicecore.sandbox.twilio_signature import sign

FORM = "application/x-www-form-urlencoded"
SID, OTHER = "CA" + "a" * 32, "CA" + "b" * 32
STREAM, TEXT_SID = "MZ" + "c" * 32, "SM" + "d" * 32
STATUS = {"CallSid": SID, "CallStatus": "completed", "From": MARIA, "To": "+13125550100"}
FORMS: dict[str, dict[str, str]] = {
    "/incoming-call": voice_form(SID),
    "/call-resume": voice_form(SID),
    "/call-error": voice_form(SID),
    "/outbound-reminder?attempt=1": voice_form(SID),
    f"/transfer-whisper?call={SID}": voice_form(SID),
    "/transfer-result": voice_form(SID, DialCallStatus="no-answer"),
    "/call-status": STATUS,
    "/amd": {"CallSid": SID, "AnsweredBy": "human"},
    "/stream-status": {"CallSid": SID, "StreamSid": STREAM, "StreamEvent": "stream-started"},
    "/sms-status": {"MessageSid": TEXT_SID, "MessageStatus": "delivered"},
    "/sms-incoming": {"MessageSid": TEXT_SID, "From": MARIA, "Body": "STOP"},
}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no outage."""
    monkeypatch.setattr("crm.phone_reports.DEADLINE_S", 20.0)
    monkeypatch.setattr("voicecore.net.report_webhooks.RECORDS_S", 20.0)
    monkeypatch.setattr("voicecore.net.server_parts.ARRIVAL_S", 20.0)


class NobodyPlaced:
    """Nothing follows the calls."""

    async def call_status(self, call_sid: str, status: str) -> None: ...

    async def answered_by(self, call_sid: str, verdict: str) -> None: ...

    async def person_called(self, call_sid: str, attempt_id: int) -> tuple[int, str, str] | None:
        return None


def no_reason(appointment_id: int, phone_e164: str, first_name: str) -> Reminder:
    return Reminder(appointment_id=appointment_id, phone_e164=phone_e164, first_name=first_name)


@asynccontextmanager
async def shop(redis_url: str, dsn: str, **wishes: Any) -> AsyncIterator[tuple[Rig, asyncpg.Pool]]:
    """A worker over the real records."""
    pool = await open_pool(dsn, max_size=4)
    try:
        events = PhoneDesk(PhoneReports(pool), placed=NobodyPlaced(), reason=no_reason)
        async with running(redis_url, clips=False, phone_events=events, **wishes) as rig:
            yield rig, pool
    finally:
        await close_pool(pool)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A request that must be refused with `status`; `form` changes what Twilio would post."""

    status: int
    path: str = "/incoming-call"
    form: Mapping[str, str | None] = field(default_factory=dict)
    signature: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = FORM
    method: str = "POST"
    sign_as: str = ""
    token: str = AUTH_TOKEN


def table() -> dict[str, Case]:
    """Forged first, then what is signed and makes no sense, then what nobody knows."""
    sha256 = {"X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=HMAC_SHA256"}
    cases = {f"unsigned {path}": Case(status=403, path=path, signature="") for path in FORMS} | {
        f"another token {path}": Case(status=403, path=path, token="another") for path in FORMS
    }
    cases |= {
        "an empty token": Case(status=403, token=""),
        "nonsense": Case(status=403, signature="nonsense"),
        "SHA-1 announced as SHA-256": Case(status=403, headers=sha256),
        "an unknown algorithm": Case(
            status=403, headers={"X-Twilio-Webhooks-Signature-Settings": "algorithm=NONE"}
        ),
        "another path": Case(status=403, sign_as="/call-status"),
        "a slash more": Case(status=403, sign_as="/incoming-call/"),
        "a moved parameter": Case(status=403, sign_as="/incoming-callA1"),
        "another attempt": Case(
            status=403, path="/outbound-reminder?attempt=2", sign_as="/outbound-reminder?attempt=1"
        ),
        "JSON": Case(status=400, body=b"{}", content_type="application/json"),
        "multipart": Case(status=400, body=b"--x--", content_type="multipart/form-data"),
        "no CallSid": Case(status=400, form={"CallSid": None}),
        "a CallSid that is none": Case(status=400, form={"CallSid": "CA1; DROP TABLE calls"}),
        "a null character": Case(status=400, form={"From": "+1312\x00"}),
        "no attempt": Case(status=400, path="/outbound-reminder"),
        "an attempt that is none": Case(status=400, path="/outbound-reminder?attempt=-1"),
        "no call to whisper of": Case(status=400, path="/transfer-whisper"),
        "no CallStatus": Case(status=400, path="/call-status", form={"CallStatus": None}),
        "a CallStatus that is none": Case(
            status=400, path="/call-status", form={"CallStatus": "completed'--"}
        ),
        "a sequence that is none": Case(
            status=400, path="/call-status", form={"SequenceNumber": "-1"}
        ),
        "a sequence beyond all": Case(
            status=400, path="/call-status", form={"SequenceNumber": "9" * 30}
        ),
        "no verdict": Case(status=400, path="/amd", form={"AnsweredBy": None}),
        "a stream that is none": Case(status=400, path="/stream-status", form={"StreamSid": "MZ1"}),
        "an event that is none": Case(
            status=400, path="/stream-status", form={"StreamEvent": "stream-eaten"}
        ),
        "a text from nobody": Case(status=400, path="/sms-incoming", form={"From": "anonymous"}),
        "a text that is none": Case(status=400, path="/sms-incoming", form={"MessageSid": SID}),
        "too large": Case(status=413, form={"Body": "x" * 40_000}),
        "GET": Case(status=405, method="GET"),
        "nowhere": Case(status=404, path="/call-status/x"),
    }
    unknown = [path for path in FORMS if path.partition("?")[0] not in TAKES_ANYBODY]
    return cases | {f"unknown {path}": Case(status=404, path=path) for path in unknown}


TAKES_ANYBODY = {"/incoming-call", "/call-error", "/sms-incoming"}


async def send(rig: Rig, case: Case) -> int:
    given = FORMS.get(case.path) or next(
        (form for path, form in FORMS.items() if path.startswith(case.path.partition("?")[0])), {}
    )
    form = {name: value for name, value in {**given, **case.form}.items() if value is not None}
    signed = {} if case.body is not None else form
    address = f"{PUBLIC_URL}{case.sign_as or case.path}"
    signature = sign(case.token, address, signed) if case.signature is None else case.signature
    headers = {"Content-Type": case.content_type, **case.headers}
    if signature:
        headers["X-Twilio-Signature"] = signature
    data = form if case.body is None else case.body
    async with rig.http.request(
        case.method, f"{rig.url}{case.path}", data=data, headers=headers
    ) as response:
        await response.read()
        return response.status


async def test_what_is_forged_malformed_or_unknown_is_refused_and_leaves_nothing(
    redis_url: str, crm_dsn: str
) -> None:
    cases = table()
    assert len(cases) >= 50
    async with shop(redis_url, crm_dsn) as (rig, pool):
        before = await dump(pool)
        got = {name: await send(rig, case) for name, case in cases.items()}
        assert got == {name: case.status for name, case in cases.items()}
        assert await dump(pool) == before
        assert rig.deepgram.opened_total == 0 and not rig.openai.requests
        assert not len(rig.parts.prepared)


async def test_replayed_webhooks_of_a_call_that_is_over_open_nothing(
    redis_url: str, crm_dsn: str
) -> None:
    async with shop(redis_url, crm_dsn) as (rig, pool):
        call = await rig.ring()
        await until(lambda: call.stream is not None and call.call_sid in rig.parts.live)
        call.hang_up()
        await rig.over(call)
        opened = rig.deepgram.opened_total
        asked = len(rig.openai.requests)
        rows = await dump(pool)
        for request in [*call.requests] * 3:
            path = request.url.removeprefix(PUBLIC_URL)
            status, body = await post(rig, path, dict(request.params))
            assert status < 500 and "<Stream" not in body, path
        assert (rig.deepgram.opened_total, len(rig.openai.requests)) == (opened, asked)
        assert await dump(pool) == rows


def deliveries() -> list[tuple[str, dict[str, str]]]:
    """Everything that Twilio says about a call in, a call of ours and their texts."""

    def status(sid: str, word: str, sequence: int) -> tuple[str, dict[str, str]]:
        form = voice_form(sid, CallStatus=word, SequenceNumber=str(sequence))
        return "/call-status", form | ({"CallDuration": "61"} if word == "completed" else {})

    def stream(word: str) -> tuple[str, dict[str, str]]:
        form = {"CallSid": OTHER, "StreamSid": STREAM, "StreamEvent": f"stream-{word}"}
        return "/stream-status", form | {"Timestamp": AT.isoformat()}

    words = ("ringing", "in-progress", "completed")
    return [
        ("/incoming-call", voice_form(OTHER, StirVerstat="TN-Validation-Passed-B")),
        *(status(OTHER, word, number) for number, word in enumerate(words)),
        *(status(PLACED, word, number) for number, word in enumerate(("initiated", "no-answer"))),
        *(("/amd", {"CallSid": PLACED, "AnsweredBy": word}) for word in ("unknown", "human")),
        *(stream(word) for word in ("started", "stopped")),
        ("/call-error", voice_form(OTHER, ErrorCode="11200")),
        *(
            ("/sms-status", {"MessageSid": SENT_SID, "MessageStatus": word})
            for word in ("queued", "sent", "delivered")
        ),
        ("/sms-incoming", {"MessageSid": TEXT_SID, "From": MARIA, "Body": "STOP"}),
    ]


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))]
)
async def test_webhooks_three_times_in_any_order_give_the_same_rows(
    redis_url: str, crm_dsn: str, seed: int
) -> None:
    expected = {
        "calls": [
            (PLACED, "outbound", MARIA, "+13125550100", "no-answer", 1, None, "human", None, None),
            (OTHER, "inbound", MARIA, "+13125550100", "completed", 2, 61, None, "B", None),
        ],
        "streams": [(OTHER, STREAM, "stream-stopped", "")],
        "messages": [
            (SENT_SID, "outbound", None, "", "delivered", None, False),
            (TEXT_SID, "inbound", MARIA, "STOP", "received", None, False),
        ],
        "do_not_call": [(MARIA, "answered a text message with STOP")],
    }
    async with shop(redis_url, crm_dsn) as (rig, pool):
        await place(pool)
        shuffled = deliveries() * 3
        random.Random(seed).shuffle(shuffled)
        answers = [await post(rig, path, form) for path, form in shuffled]
        assert {status for status, _ in answers} <= {200, 204, 404}
        await until(lambda: not len(rig.parts.tasks))
        assert await dump(pool) == expected
        await post(rig, "/call-error", voice_form(OTHER))


async def test_a_call_that_comes_after_its_reports_has_them(redis_url: str, crm_dsn: str) -> None:
    sid = new_call_sid()
    async with shop(redis_url, crm_dsn) as (rig, pool):
        form = voice_form(sid, CallStatus="completed", SequenceNumber="2")
        assert (await post(rig, "/call-status", form))[0] == 404
        assert (await dump(pool))["calls"] == []
        assert (await post(rig, "/incoming-call", voice_form(sid)))[0] == 200
        await until(lambda: not len(rig.parts.tasks))
        ((_, _, _, _, status, sequence, *_),) = (await dump(pool))["calls"]
        assert (status, sequence) == ("completed", 2)


async def test_records_that_are_gone_are_503_and_never_keep_a_call_away(
    redis_url: str, crm_dsn: str
) -> None:
    async with shop(redis_url, crm_dsn) as (rig, pool):
        await close_pool(pool)
        sid = new_call_sid()
        assert (await post(rig, "/incoming-call", voice_form(sid)))[0] == 200
        for path in ("/call-status", "/amd", "/stream-status", "/sms-status", "/sms-incoming"):
            assert (await post(rig, path, FORMS[path]))[0] == 503, path
        assert (await post(rig, "/call-resume", voice_form(new_call_sid())))[0] == 200


async def test_a_report_that_the_records_are_slow_with_is_taken_and_written_after(
    redis_url: str, crm_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = "SELECT status FROM calls WHERE call_sid = $1"
    async with shop(redis_url, crm_dsn) as (rig, pool):
        assert (await post(rig, "/incoming-call", voice_form(SID)))[0] == 200
        await until(lambda: not len(rig.parts.tasks))
        monkeypatch.setattr("voicecore.net.report_webhooks.RECORDS_S", 0.1)
        async with pool.acquire() as other, other.transaction():
            await other.execute("SELECT 1 FROM calls WHERE call_sid = $1 FOR UPDATE", SID)
            assert (await post(rig, "/call-status", STATUS))[0] == 204
            assert await other.fetchval(status, SID) != "completed"
        await until(lambda: not len(rig.parts.tasks))
        assert await pool.fetchval(status, SID) == "completed"
