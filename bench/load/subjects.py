"""What can be put under load: the product, the bare relay, and a peer, each in its own process."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import aiohttp

from bench.load.crowd import Line
from bench.load.processes import LoadError, PinnedProcess
from bench.load.providers import Providers
from voicecore.sandbox.stand_ins import Service, StandIns
from voicecore.sandbox.twilio_signature import sign

ROOT = Path(__file__).resolve().parents[2]
PUBLIC_URL = "https://agent.example.com"
STREAM_PATH = "/media-stream"
CALLER = "+13125550142"
SHOP = "+13125550100"
START_S = 30.0


class Subject(Protocol):
    """A server under load."""

    name: str
    process: PinnedProcess

    async def dial(self, call_sid: str) -> Line:
        """Announce a call and return where its stream goes."""
        ...


class Voicecore:
    """The product, as `cli.py serve` runs it, with everything on."""

    name = "voicecore"

    def __init__(
        self, providers: Providers, folder: Path, cores: frozenset[int], workers: int = 1
    ) -> None:
        self._providers = providers
        self._folder = folder
        self._cores = cores
        self._workers = workers
        self._stack = AsyncExitStack()
        self._token = secrets.token_hex(16)
        self._port = free_port()
        self._http: aiohttp.ClientSession | None = None
        self.process: PinnedProcess

    async def __aenter__(self) -> Self:
        """Start databases here and the server on its cores."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        services = frozenset({Service.POSTGRES, Service.REDIS, Service.GOOGLE})
        stand_ins = await self._stack.enter_async_context(StandIns(services))
        environment = {name.upper(): str(value) for name, value in stand_ins.settings.items()}
        environment |= {
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "PUBLIC_BASE_URL": PUBLIC_URL,
            # Noon, so that the shop is open; the sign of these zones is turned round.
            "SHOP_TIMEZONE": f"Etc/GMT{datetime.now(UTC).hour - 12:+d}",
            "MAX_CALLS": "250",
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": self._token,
            "TWILIO_PHONE_NUMBER": SHOP,
            "DEEPGRAM_API_KEY": "load",
            "DEEPGRAM_LISTEN_URL": self._providers.listen_url,
            "DEEPGRAM_SPEAK_URL": self._providers.speak_url,
            "OPENAI_API_KEY": "load",
            "OPENAI_BASE_URL": self._providers.openai_url,
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, str(ROOT / "cli.py"), "serve"]
        if self._workers > 1:
            command += ["--workers", str(self._workers)]
        self.process = PinnedProcess(
            command,
            cores=self._cores,
            environment=environment,
            folder=self._folder,
            log=self._folder / "voicecore.log",
        )
        self._stack.callback(self.process.stop)
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        await answers(self.process, self._http, f"http://127.0.0.1:{self._port}/readyz")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        await self._stack.aclose()

    async def dial(self, call_sid: str) -> Line:
        """Ask the voice webhook, as Twilio does."""
        assert self._http is not None
        form = {"CallSid": call_sid, "AccountSid": "AC" + "0" * 32, "From": CALLER, "To": SHOP}
        form["CallStatus"] = "ringing"
        headers = {"X-Twilio-Signature": sign(self._token, f"{PUBLIC_URL}/incoming-call", form)}
        url = f"http://127.0.0.1:{self._port}/incoming-call"
        async with self._http.post(url, data=form, headers=headers) as response:
            body = await response.text()
        found = re.search(r'name="ticket" value="([^"]+)"', body)
        if found is None:
            raise LoadError(f"the call was not taken: {response.status} {body[:200]}")
        stream_url = f"{PUBLIC_URL.replace('http', 'ws')}{STREAM_PATH}"
        return Line(
            "127.0.0.1",
            self._port,
            STREAM_PATH,
            call_sid,
            headers={"X-Twilio-Signature": sign(self._token, stream_url)},
            parameters={"ticket": found.group(1)},
        )


class BareRelay:
    """`bench/load/relay.py`."""

    name = "relay"

    def __init__(self, providers: Providers, folder: Path, cores: frozenset[int]) -> None:
        self._providers = providers
        self._folder = folder
        self._cores = cores
        self._port = 0
        self.process: PinnedProcess

    async def __aenter__(self) -> Self:
        """Start it."""
        self.process = PinnedProcess(
            [
                sys.executable,
                "-m",
                "bench.load.relay",
                self._providers.listen_url,
                self._providers.speak_url,
            ],
            cores=self._cores,
            environment={},
            folder=ROOT,
            log=self._folder / "relay.log",
        )
        line = await asyncio.to_thread(self.process.first_line)
        if not line.startswith("port "):
            self.process.stop()
            raise LoadError(f"the relay did not start: see {self._folder / 'relay.log'}")
        self._port = int(line.split()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        await asyncio.to_thread(self.process.stop)

    async def dial(self, call_sid: str) -> Line:
        """Go straight to the stream."""
        return Line("127.0.0.1", self._port, STREAM_PATH, call_sid)


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def answers(process: PinnedProcess, http: aiohttp.ClientSession, url: str) -> None:
    """Wait until `url` answers with 200.

    Raises:
        LoadError: it does not in time, or the process ends.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        process.check()
        try:
            async with http.get(url) as response:
                if response.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise LoadError(f"{url} does not answer")
