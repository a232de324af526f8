"""pipecat as the peer: its own environment, its own idiomatic Twilio agent, the same callers."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Self

import aiohttp

from bench.load.crowd import Line
from bench.load.processes import LoadError, PinnedProcess
from bench.load.providers import Providers
from bench.load.subjects import ROOT, answers, free_port

HOME = ROOT / "build" / "peers" / "pipecat"
PACKAGES = ("pipecat-ai[deepgram,openai,silero,websocket]==1.14.0", "uvicorn", "uvloop")
INSTALL_S = 400.0
_AGENT = Path(__file__).with_name("pipecat_agent.py.txt")


class Pipecat:
    """`bench/load/pipecat_agent.py.txt` in the environment under `build/peers/pipecat`."""

    name = "pipecat"

    def __init__(self, providers: Providers, folder: Path, cores: frozenset[int]) -> None:
        self._providers = providers
        self._folder = folder
        self._cores = cores
        self._port = free_port()
        self.process: PinnedProcess

    async def __aenter__(self) -> Self:
        """Build the environment if there is none, and start the agent."""
        python = HOME / "bin" / "python"
        if not (HOME / "complete").exists():
            await _command(sys.executable, "-m", "venv", str(HOME))
            await _command(str(python), "-m", "pip", "install", "-q", *PACKAGES)
            (HOME / "complete").touch()
        self.process = PinnedProcess(
            [str(python), str(_AGENT), str(self._port)],
            cores=self._cores,
            environment={
                "LISTEN_URL": self._providers.listen_url,
                "SPEAK_URL": self._providers.speak_url,
                "OPENAI_URL": self._providers.openai_url,
            },
            folder=self._folder,
            log=self._folder / "pipecat.log",
        )
        try:
            async with aiohttp.ClientSession() as http:
                await answers(self.process, http, f"http://127.0.0.1:{self._port}/ready")
        except BaseException:
            self.process.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        await asyncio.to_thread(self.process.stop)

    async def dial(self, call_sid: str) -> Line:
        """Go straight to the stream."""
        return Line("127.0.0.1", self._port, "/ws", call_sid)


async def _command(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(INSTALL_S):
            said, _ = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise LoadError(f"{command[0]} took too long") from error
    if process.returncode:
        raise LoadError(f"{' '.join(command[1:4])} failed: {said.decode()[-500:]}")
