"""The processes of a race: started, killed without warning, replaced, and ended for good."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

from bench.race.process import FINISH

ROOT = Path(__file__).resolve().parents[2]
EXIT_WAIT_S = 60.0
KILL_WAIT_S = 5.0
LOG_TAIL_BYTES = 2000


class RaceError(RuntimeError):
    """The race could not be run to its end, so it says nothing about the product."""


class Child:
    """One process; it ends by itself when this process goes, as that closes its input.

    Its output goes to a file, of which an error shows the end.
    """

    def __init__(self, process: asyncio.subprocess.Process, name: str, log: Path) -> None:
        self._process = process
        self._log = log
        self.name = name

    @classmethod
    async def start(cls, folder: Path, name: str, module: str, *arguments: str) -> Child:
        """Start `python -m module FOLDER arguments`, deaf to the terminal's Ctrl-C."""
        log = folder / f"{name}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                str(folder),
                *arguments,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,
            )
        return cls(process, name, log)

    async def kill(self) -> None:
        """End it as `kill -9` does; harmless when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        async with asyncio.timeout(KILL_WAIT_S):
            await self._process.wait()
        self._close_input()

    async def finish(self) -> None:
        """Let it finish what it has begun.

        Raises:
            RaceError: it failed, or does not end.
        """
        self._tell_to_finish()
        try:
            async with asyncio.timeout(EXIT_WAIT_S):
                await self._process.wait()
        except TimeoutError as error:
            raise RaceError(f"{self.name} does not end") from error
        self._close_input()
        self._check_code()

    def check_alive(self) -> None:
        """Make sure that it has not ended by itself.

        Raises:
            RaceError: it has.
        """
        if self._process.returncode is not None:
            self._check_code()
            raise RaceError(f"{self.name} ended before the race was over")

    def _check_code(self) -> None:
        code = self._process.returncode
        if code:
            tail = self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
            raise RaceError(f"{self.name} ended with status {code}:\n{tail}")

    def _tell_to_finish(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(FINISH)

    def _close_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


class Children:
    """All of them; leaving the block kills whoever is left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._booking: dict[str, tuple[int, Child]] = {}
        self._calendar: list[Child] = []
        self._started = 0

    async def __aenter__(self) -> Children:
        return self

    async def __aexit__(self, *_: object) -> None:
        everybody = [*(child for _, child in self._booking.values()), *self._calendar]
        await asyncio.gather(*(child.kill() for child in everybody))

    async def start_booking(self, line: str) -> None:
        """Start a booking process, or the next generation of one."""
        generation = self._booking[line][0] + 1 if line in self._booking else 0
        child = await Child.start(
            self._folder,
            f"{line}-{generation}",
            "bench.race.booking_process",
            line,
            str(generation),
        )
        self._booking[line] = generation, child

    async def start_calendar(self) -> None:
        """Start one more calendar worker."""
        self._started += 1
        name = f"calendar-{self._started}"
        self._calendar.append(await Child.start(self._folder, name, "bench.race.calendar_process"))

    async def replace_booking(self, choice: int) -> str:
        """Kill a booking process and start its successor; return the successor's name."""
        line = sorted(self._booking)[choice % len(self._booking)]
        await self._booking[line][1].kill()
        await self.start_booking(line)
        return self._booking[line][1].name

    async def replace_calendar(self, choice: int) -> str:
        """Kill a calendar worker and start another one; return its name."""
        await self._calendar.pop(choice % len(self._calendar)).kill()
        await self.start_calendar()
        return self._calendar[-1].name

    async def finish_booking(self) -> None:
        """Let the callers bring to an end what they have begun.

        Raises:
            RaceError: one of them fails.
        """
        await asyncio.gather(*(child.finish() for _, child in self._booking.values()))
        self._booking.clear()

    async def finish_calendar(self) -> None:
        """Let the calendar workers go home.

        Raises:
            RaceError: one of them fails.
        """
        await asyncio.gather(*(child.finish() for child in self._calendar))
        self._calendar.clear()

    def check_alive(self) -> None:
        """Make sure that only those have ended who were killed.

        Raises:
            RaceError: somebody else has.
        """
        for child in (*(child for _, child in self._booking.values()), *self._calendar):
            child.check_alive()
