"""Tries each outside service the way a call uses it, for `cli.py doctor`.

A probe returns what it saw, in a few words, or raises one of the errors of this layer.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha1

import aiohttp
import redis.asyncio

from voicecore.audio.mulaw import FRAME_BYTES, SILENCE_BYTE
from voicecore.dialog.llm_request import LlmRequest
from voicecore.errors import RemoteError
from voicecore.net.clips import SpeakerMaker, render_clips
from voicecore.net.listen import DeepgramListener
from voicecore.net.listen_link import HeardMessage
from voicecore.net.listener_state import ListenerPhase, ListenerState
from voicecore.net.llm import LlmStream, ToolCallReady
from voicecore.net.twilio_rest import NumberSetup, TwilioRest
from voicecore.wire.deepgram_listen import ListenOptions, Results

SENTENCE = "Your appointment is tomorrow morning."
WORDS_HEARD_AT_LEAST = frozenset({"appointment", "tomorrow", "morning"})
LARGEST_SKEW_S = 5.0
OLDEST_REDIS = (6, 2)
FRAME_S = 0.02
PATHS = {
    "voice_url": "/incoming-call",
    "voice_fallback_url": "/call-error",
    "status_callback": "/call-status",
    "sms_url": "/sms-incoming",
}
"""Where our number is to send what happens."""
_NO_SUCH_CALL = "CA" + "0" * 32


class ProbeError(RemoteError):
    """Something answers, and not as it should; `reason` says how."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def wanted_urls(public_base_url: str) -> dict[str, str]:
    """Return the addresses that our number is to use."""
    base = public_base_url.rstrip("/")
    return {name: f"{base}{path}" for name, path in PATHS.items()}


async def number_points_here(rest: TwilioRest, public_base_url: str, *, fix: bool) -> str:
    """Compare what our number does with what it should; with `fix`, set it right.

    Raises:
        ProbeError: it is not a number of the account, or points elsewhere.
        TwilioRestError: Twilio refused or did not answer.
    """
    wanted = wanted_urls(public_base_url)
    setup = await rest.number_setup()
    if setup is None:
        raise ProbeError("the account has no such number")
    wrong = _differences(setup, wanted)
    if not wrong:
        return "calls, texts and reports come here"
    if not fix:
        listed = ", ".join(f"{name} is {setup.urls[name] or 'empty'}" for name in wrong)
        raise ProbeError(listed)
    await rest.set_number_up(setup.number_sid, {name: wanted[name] for name in wrong})
    after = await rest.number_setup()
    if after is None or _differences(after, wanted):
        raise ProbeError("the number was told, and still points elsewhere")
    return f"set: {', '.join(wrong)}"


def _differences(setup: NumberSetup, wanted: Mapping[str, str]) -> list[str]:
    return [name for name, url in wanted.items() if setup.urls.get(name) != url]


async def public_url_answers(http: aiohttp.ClientSession, public_base_url: str) -> str:
    """Ask our own public address for a sign of life.

    Raises:
        ProbeError: somebody else answers there.
        aiohttp.ClientError: nobody does.
    """
    async with http.get(f"{public_base_url}/healthz", allow_redirects=False) as response:
        text = (await response.text())[:20].strip()
        if response.status != 200 or text != "ok":
            raise ProbeError(f"/healthz answers {response.status}, not our ok")
    return f"{public_base_url} is this server"


async def signature_round_trip(
    http: aiohttp.ClientSession, public_base_url: str, auth_token: str
) -> str:
    """Send a report as Twilio would: taken when signed, refused when not.

    Raises:
        ProbeError: the server believes what it should not, or not what it should.
        aiohttp.ClientError: it does not answer.
    """
    url = f"{public_base_url}/call-status"
    form = {"CallSid": _NO_SUCH_CALL, "CallStatus": "ringing"}
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    right = sign(text, auth_token)
    # Nobody knows this call, which the server only says to whom it believes.
    for signature, status in ((right, 404), (sign(text, auth_token + "x"), 403), (None, 403)):
        headers = {} if signature is None else {"X-Twilio-Signature": signature}
        async with http.post(url, data=form, headers=headers, allow_redirects=False) as response:
            if response.status != status:
                kind = "our own" if signature == right else "a forged" if signature else "no"
                raise ProbeError(f"with {kind} signature it answers {response.status}")
    return "signed reports are taken, forged ones refused"


def sign(text: str, auth_token: str) -> str:
    """Return Twilio's signature of a text. Source: Twilio, Webhooks security."""
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), sha1)).decode()


async def websocket_upgrades(http: aiohttp.ClientSession, stream_url: str, auth_token: str) -> str:
    """Open the media socket as Twilio would, and without a signature, which must fail.

    Raises:
        ProbeError: the upgrade is refused, or a stranger is let in.
    """
    with contextlib.suppress(aiohttp.WSServerHandshakeError):
        async with http.ws_connect(stream_url):
            raise ProbeError("a stranger is let in")
    headers = {"X-Twilio-Signature": sign(stream_url, auth_token)}
    try:
        async with http.ws_connect(stream_url, headers=headers) as socket:
            await socket.close()
    except aiohttp.WSServerHandshakeError as error:
        raise ProbeError(f"the upgrade is answered with {error.status}") from error
    return "the media socket opens for Twilio only"


async def redis_keeps(url: str) -> str:
    """Write a key, read it back, and take it away.

    Raises:
        ProbeError: too old, or it keeps something else.
        redis.exceptions.RedisError: it refused or is not there.
    """
    client = redis.asyncio.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)
    try:
        key, value = f"doctor:{secrets.token_hex(8)}", secrets.token_hex(8)
        await client.set(key, value, ex=60)
        kept = await client.getdel(key)
        if kept != value.encode():
            raise ProbeError("it does not keep what it is given")
        version = await _redis_version(client)
        if version and tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
            raise ProbeError(f"version {version} is older than 6.2")
    finally:
        await client.aclose()
    return f"version {version or 'unknown'} keeps a key"


async def _redis_version(client: redis.asyncio.Redis) -> str:
    """Return what the server calls its version; empty where it may not or cannot tell.

    A stand-in without INFO refuses it and hangs up.
    """
    try:
        return str((await client.info("server"))["redis_version"])
    except (redis.exceptions.ResponseError, redis.exceptions.ConnectionError):
        return ""


async def speak_and_listen(
    http: aiohttp.ClientSession,
    make_speaker: SpeakerMaker,
    listen_url: str,
    api_key: str,
    options: ListenOptions,
) -> str:
    """Have a sentence spoken, play it to the listener, and compare the words.

    Raises:
        ProbeError: nothing is spoken, or something else is heard.
    """
    audio = (await render_clips([SENTENCE], make_speaker)).get(SENTENCE, b"")
    if not audio:
        raise ProbeError("nothing was spoken: is the key right, and may it speak?")
    heard: list[str] = []
    enough, broken = asyncio.Event(), asyncio.Event()

    def on_message(message: HeardMessage) -> None:
        if isinstance(message, Results) and message.is_final:
            heard.extend(word.text.lower().strip(".,!?") for word in message.words)
            if set(heard) >= WORDS_HEARD_AT_LEAST:
                enough.set()

    def on_state(state: ListenerState) -> None:
        if state.phase is ListenerPhase.FATAL:
            broken.set()

    loop = asyncio.get_running_loop()
    listener = DeepgramListener(http, listen_url, api_key, options, on_message, on_state, loop.time)
    try:
        if not await listener.open():
            raise ProbeError("the listener cannot be reached: is the key right?")
        await _play(listener, audio, enough, broken)
    finally:
        await listener.close()
    if not enough.is_set():
        raise ProbeError(f"heard {' '.join(heard) or 'nothing'!r} instead of {SENTENCE!r}")
    return "spoke a sentence and heard its words"


async def _play(
    listener: DeepgramListener, audio: bytes, enough: asyncio.Event, broken: asyncio.Event
) -> None:
    """Send the audio at the pace of speech, and silence behind it until the words are there."""
    silence = bytes((SILENCE_BYTE,)) * (FRAME_BYTES * 150)
    for start in range(0, len(audio) + len(silence), FRAME_BYTES):
        if enough.is_set() or broken.is_set():
            return
        listener.send((audio + silence)[start : start + FRAME_BYTES])
        await asyncio.sleep(FRAME_S)


async def model_calls_tool(llm: LlmStream, request: LlmRequest) -> str:
    """Ask the model something that it can only answer with a tool.

    Raises:
        ProbeError: it answers without.
        LlmError: it refused, or there was no answer.
    """
    async with contextlib.aclosing(llm.stream(request)) as deltas:
        async for delta in deltas:
            if isinstance(delta, ToolCallReady):
                return f"it called {delta.name}"
    raise ProbeError("it answered without calling a tool")


async def clock_agrees(http: aiohttp.ClientSession, url: str) -> str:
    """Compare this machine's clock with the one of a server.

    Raises:
        ProbeError: they are more than five seconds apart, or it tells no time.
        aiohttp.ClientError: it does not answer.
    """
    async with http.get(url, allow_redirects=False) as response:
        written = response.headers.get("Date")
    if written is None:
        raise ProbeError("the server that it is compared with tells no time")
    skew_s = (datetime.now(UTC) - parsedate_to_datetime(written)).total_seconds()
    # The header holds whole seconds.
    if abs(skew_s - 0.5) > LARGEST_SKEW_S:
        raise ProbeError(f"it is {skew_s:+.0f} s off")
    return "it agrees with the servers'"
