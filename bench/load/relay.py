"""The least that a phone agent on aiohttp and uvloop can do: the yardstick of cost per call.

Every frame is decoded and passed to the listener; what the speaker says goes out in frames of
20 ms from one paced clock. It has no detector, no marks, no dialogue, no records: the listener's
first word makes it stop, so that it talks as much as the others, and a final result makes it say
one fixed sentence.

Run as `python -m bench.load.relay LISTEN_URL SPEAK_URL`; it prints its port.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sys

import aiohttp
import orjson
import uvloop
from aiohttp import WSMsgType, web

from bench.load.providers import REPLY
from voicecore.net.tasks import race

FRAME_BYTES = 160
FRAME_S = 0.02
LISTEN = web.AppKey("listen", str)
SPEAK = web.AppKey("speak", str)
HTTP = web.AppKey("http", aiohttp.ClientSession)


class Relay:
    """One call."""

    def __init__(self, caller: web.WebSocketResponse) -> None:
        self.caller = caller
        self.stream_sid = ""
        self.audio = bytearray()
        self.has_audio = asyncio.Event()

    async def to_listener(self, listen: aiohttp.ClientWebSocketResponse) -> None:
        """Pass the caller's audio on."""
        async for message in self.caller:
            if message.type is not WSMsgType.TEXT:
                continue
            fields = orjson.loads(message.data)
            if fields["event"] == "media":
                await listen.send_bytes(base64.b64decode(fields["media"]["payload"]))
            elif fields["event"] == "start":
                self.stream_sid = fields["streamSid"]
            elif fields["event"] == "stop":
                return

    async def to_speaker(
        self,
        listen: aiohttp.ClientWebSocketResponse,
        speak: aiohttp.ClientWebSocketResponse,
    ) -> None:
        """Fall silent at the first words, answer every final result with the same sentence."""
        await self.say(speak)
        async for message in listen:
            if message.type is not WSMsgType.TEXT:
                continue
            if orjson.loads(message.data)["speech_final"]:
                await self.say(speak)
            elif self.audio:
                self.audio.clear()
                await self.caller.send_str(f'{{"event":"clear","streamSid":"{self.stream_sid}"}}')

    async def say(self, speak: aiohttp.ClientWebSocketResponse) -> None:
        """Ask for the sentence."""
        await speak.send_str(orjson.dumps({"type": "Speak", "text": REPLY}).decode())
        await speak.send_str('{"type":"Flush"}')

    async def from_speaker(self, speak: aiohttp.ClientWebSocketResponse) -> None:
        """Keep what the speaker says."""
        async for message in speak:
            if message.type is WSMsgType.BINARY:
                self.audio += message.data
                self.has_audio.set()

    async def to_caller(self) -> None:
        """Send a frame every 20 ms while there is one."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if len(self.audio) < FRAME_BYTES:
                self.has_audio.clear()
                await self.has_audio.wait()
                due = loop.time()
            payload = base64.b64encode(self.audio[:FRAME_BYTES]).decode()
            del self.audio[:FRAME_BYTES]
            await self.caller.send_str(
                f'{{"event":"media","streamSid":"{self.stream_sid}",'
                f'"media":{{"payload":"{payload}"}}}}'
            )
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - loop.time()))


async def media_stream(request: web.Request) -> web.WebSocketResponse:
    """Serve one call."""
    caller = web.WebSocketResponse(compress=False)
    await caller.prepare(request)
    http = request.app[HTTP]
    relay = Relay(caller)
    async with (
        http.ws_connect(request.app[LISTEN], compress=0) as listen,
        http.ws_connect(request.app[SPEAK], compress=0) as speak,
    ):
        with contextlib.suppress(ConnectionError):
            await race(
                relay.to_listener(listen),
                relay.to_speaker(listen, speak),
                relay.from_speaker(speak),
                relay.to_caller(),
                name="relay",
            )
    return caller


async def main(listen_url: str, speak_url: str) -> None:
    """Serve until standard input ends."""
    app = web.Application()
    app[LISTEN], app[SPEAK] = listen_url, speak_url
    app.router.add_get("/media-stream", media_stream)
    async with aiohttp.ClientSession() as http:
        app[HTTP] = http
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sys.stdout.write(f"port {runner.addresses[0][1]}\n")
        sys.stdout.flush()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
        await ended.wait()
        await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
