"""Deepgram and OpenAI on loopback at next to no cost: every provider delay is zero.

The listener hears speech by its loudness only and answers with the words of one utterance; the
speaker sends ready audio as fast as it is taken; the model streams one fixed reply. They write the
vendors' JSON, but check nothing: that is what the sandbox is for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import numpy as np
from aiohttp import web

from bench.load.speech import QUESTIONS, agent_audio, is_speech
from bench.load.websocket import BINARY, TEXT, WebSocketServer
from voicecore.audio import mulaw
from voicecore.audio.mulaw import FRAME_BYTES, SAMPLE_RATE_HZ

ENDPOINT_FRAMES = 15
"""Frames of silence after which an utterance is final: 300 ms, the default of the product."""
INTERIM_FRAMES = 12
MS_PER_CHARACTER = 60
CHUNK_BYTES = 3_200
REPLY = (
    "We are open from Monday to Friday, from eight in the morning until six in the evening. "
    "On Saturday we close at noon."
)
_WORDS = QUESTIONS[0].split()


class ListenServer(WebSocketServer):
    """`/v1/listen`: an utterance is a stretch of loud frames."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0
        self._begin = 0
        self._loud = 0
        self._quiet = 0
        self._linear = False

    def on_open(self, head: bytes) -> None:
        """Note how the audio comes."""
        self._linear = b"encoding=linear16" in head

    def on_message(self, opcode: int, payload: bytes) -> None:
        """Take audio or a control message."""
        if opcode == TEXT:
            if b"CloseStream" in payload:
                self.close()
            elif b"Finalize" in payload:
                self._results(final=True, words=self._loud // 10, finalize=True)
            return
        if self._linear:
            payload = mulaw.encode(np.frombuffer(payload, dtype=np.int16))
        for start in range(0, len(payload), FRAME_BYTES):
            self._hear(payload[start : start + FRAME_BYTES])

    def _hear(self, frame: bytes) -> None:
        self._bytes += len(frame)
        if is_speech(frame):
            if not self._loud:
                self._begin = self._bytes - len(frame)
            self._loud += 1
            self._quiet = 0
            if self._loud % INTERIM_FRAMES == 0:
                self._results(final=False, words=self._loud // 10)
        elif self._loud:
            self._quiet += 1
            if self._quiet >= ENDPOINT_FRAMES:
                self._results(final=True, words=len(_WORDS))

    def _results(self, *, final: bool, words: int, finalize: bool = False) -> None:
        said = _WORDS[: max(1, words)] if self._loud else []
        start_s = self._begin / SAMPLE_RATE_HZ
        length_s = self._bytes / SAMPLE_RATE_HZ - start_s
        step_s = length_s / max(1, len(said))
        listed = [
            {
                "word": word.lower().strip(","),
                "punctuated_word": word,
                "start": round(start_s + n * step_s, 3),
                "end": round(start_s + (n + 1) * step_s, 3),
                "confidence": 0.99,
            }
            for n, word in enumerate(said)
        ]
        alternative = {"transcript": " ".join(said), "confidence": 0.99, "words": listed}
        message = {
            "type": "Results",
            "channel_index": [0, 1],
            "start": round(start_s, 3),
            "duration": round(length_s, 3),
            "is_final": final,
            "speech_final": final,
            "from_finalize": finalize,
            "channel": {"alternatives": [alternative]},
            "metadata": {"request_id": "0" * 8, "model_uuid": "0" * 8, "model_info": {}},
        }
        if final:
            self._loud = self._quiet = 0
            self._begin = self._bytes
        self.send(json.dumps(message).encode())


class SpeakServer(WebSocketServer):
    """`/v1/speak`: so much ready audio as the text is long."""

    _AUDIO = b""

    def __init__(self) -> None:
        super().__init__()
        self._characters = 0
        self._sequence = 0
        self._linear = False
        if not SpeakServer._AUDIO:
            SpeakServer._AUDIO = agent_audio(30.0)

    def on_open(self, head: bytes) -> None:
        """Name the voice, as Deepgram does first."""
        self._linear = b"encoding=linear16" in head
        self._say(type="Metadata", request_id="0", model_name="load", model_version="1")

    def on_message(self, opcode: int, payload: bytes) -> None:
        """Take a control message."""
        message = json.loads(payload)
        match message.get("type"):
            case "Speak":
                self._characters += len(message["text"])
            case "Flush":
                size = self._characters * MS_PER_CHARACTER * SAMPLE_RATE_HZ // 1000
                self._characters = 0
                for start in range(0, min(size, len(self._AUDIO)), CHUNK_BYTES):
                    piece = self._AUDIO[start : min(start + CHUNK_BYTES, size)]
                    self.send(mulaw.decode(piece).tobytes() if self._linear else piece, BINARY)
                self._say(type="Flushed", sequence_id=self._next())
            case "Clear":
                self._characters = 0
                self._say(type="Cleared", sequence_id=self._next())
            case "Close":
                self.close()

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _say(self, **fields: object) -> None:
        self.send(json.dumps(fields).encode())


@dataclass(slots=True)
class Providers:
    """The running stand-ins; use as `async with Providers()`; the addresses are set then."""

    listen_url: str = ""
    speak_url: str = ""
    openai_url: str = ""
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Providers:
        """Start them on free ports."""
        self.listen_url = f"ws://127.0.0.1:{await self._websocket(ListenServer)}/v1/listen"
        self.speak_url = f"ws://127.0.0.1:{await self._websocket(SpeakServer)}/v1/speak"
        app = web.Application()
        app.router.add_post("/v1/chat/completions", _complete)
        app.router.add_get("/v1/models", _models)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.openai_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop them."""
        await self._stack.aclose()

    async def _websocket(self, peer: Callable[[], WebSocketServer]) -> int:
        server = await asyncio.get_running_loop().create_server(peer, "127.0.0.1", 0)
        self._stack.callback(server.close)
        port: int = server.sockets[0].getsockname()[1]
        return port


async def _models(_request: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": []})


async def _complete(request: web.Request) -> web.StreamResponse:
    """Stream the reply in pieces of four words."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    with contextlib.suppress(ConnectionError):  # An answer is given up when its caller speaks on.
        await _stream(request, response)
    return response


async def _stream(request: web.Request, response: web.StreamResponse) -> None:
    await request.read()
    await response.prepare(request)
    words = REPLY.split(" ")
    pieces = [" ".join(words[n : n + 4]) + " " for n in range(0, len(words), 4)]
    body = b"".join(_chunk({"content": piece}) for piece in pieces)
    body += _chunk({}, finish="stop") + _chunk(None) + b"data: [DONE]\n\n"
    await response.write(body)
    await response.write_eof()


def _chunk(delta: dict[str, str] | None, finish: str | None = None) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk: dict[str, object] = {
        "id": "chatcmpl-load",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "load",
        "choices": choices,
    }
    if delta is None:
        chunk["usage"] = {"prompt_tokens": 900, "completion_tokens": 30, "total_tokens": 930}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
