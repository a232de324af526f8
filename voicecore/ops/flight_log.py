"""The flight log of one call: every event and every command, in order, as JSON lines.

Because the reducer is pure, the events alone are the call: `replay` feeds them to `step` again and
must get the same commands.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from voicecore.call.commands import Command, Note
from voicecore.call.events import Event
from voicecore.call.history import HistoryItem
from voicecore.call_info import CallInfo


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the reducer's crank."""

    event: Event
    commands: tuple[Command, ...]


@dataclass(slots=True)
class FlightLog:
    """An observer that keeps what it sees; `started_at` is the call's zero on the event clock."""

    info: CallInfo | None = None
    started_at: float = 0.0
    ended_at: float | None = None
    history: tuple[HistoryItem, ...] = ()
    steps: list[Step] = field(default_factory=list)
    timings: list[tuple[float, dict[str, str | int | float | bool | None]]] = field(
        default_factory=list
    )

    def started(self, info: CallInfo, at: float) -> None:
        """Note the beginning."""
        self.info = info
        self.started_at = at

    def stepped(self, event: Event, commands: tuple[Command, ...]) -> None:
        """Note one step."""
        self.steps.append(Step(event, commands))

    def turn_timed(self, at: float, facts: dict[str, str | int | float | bool | None]) -> None:
        """Note where the time of one answer went."""
        self.timings.append((at, facts))

    def caller_audio(self, at: float, audio: bytes) -> None:
        """Audio is the recorder's business."""

    def agent_audio(self, at: float, audio: bytes) -> None:
        """Audio is the recorder's business."""

    def ended(self, at: float, history: tuple[HistoryItem, ...]) -> None:
        """Note the end."""
        self.ended_at = at
        self.history = history

    def notes(self, name: str) -> list[tuple[float, Note]]:
        """All notes of one name, each with seconds since the call's start."""
        return [
            (step.event.at - self.started_at, command)
            for step in self.steps
            for command in step.commands
            if isinstance(command, Note) and command.name == name
        ]

    def barge_ins(self) -> list[tuple[float, str]]:
        """When each suspected interruption paused the agent, and what was decided."""
        return [
            (float(note.facts["paused_at"] or 0.0) - self.started_at, str(note.facts["kind"]))
            for _, note in self.notes("barge_in")
        ]

    def engine_ms_after(self, at: float) -> float | None:
        """The engine's own share of the first answer that became audible after `at`."""
        for timed_at, facts in self.timings:
            engine_ms = facts.get("engine_ms")
            if timed_at > at and isinstance(engine_ms, float):
                return engine_ms
        return None

    def write(self, path: Path) -> None:
        """Write one JSON object a line: first the call, then each event with its commands."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            head = {"call": None if self.info is None else asdict(self.info)}
            file.write(orjson.dumps(head) + b"\n")
            for step in self.steps:
                line = {
                    "event": _named(step.event),
                    "commands": [_named(command) for command in step.commands],
                }
                file.write(orjson.dumps(line) + b"\n")


def _named(value: Event | Command) -> dict[str, object]:
    return {"type": type(value).__name__, **asdict(value)}
