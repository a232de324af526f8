"""An observer that cannot harm the call it watches."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import structlog

from voicecore.call.commands import Command
from voicecore.call.events import Event
from voicecore.call.history import HistoryItem
from voicecore.call_info import CallInfo
from voicecore.net.curtained_step import (
    Curtain,
    OpenCurtain,
    curtained_commands,
    curtained_event,
)
from voicecore.observer import CallObserver, ObserverFactory

log = structlog.get_logger()


class GuardedObserver:
    """Passes everything on to the observers of one call until they fail, then to nobody.

    A failing recorder or transcript is one log line; the call does not notice. `curtain` keeps
    a code that the caller says from all of them.
    """

    def __init__(
        self, factory: ObserverFactory, info: CallInfo, curtain: Curtain | None = None
    ) -> None:
        self._curtain = curtain or OpenCurtain()
        self._guard = _Guard(info.call_sid)
        self._observer: CallObserver | None = None
        with self._guard:
            self._observer = factory(info)

    def started(self, info: CallInfo, at: float) -> None:
        """Pass the beginning on."""
        if (observer := self._watching) is not None:
            with self._guard:
                observer.started(info, at)

    def stepped(self, event: Event, commands: tuple[Command, ...]) -> None:
        """Pass one step on."""
        if (observer := self._watching) is not None:
            with self._guard:
                observer.stepped(
                    curtained_event(event, self._curtain),
                    curtained_commands(commands, self._curtain),
                )

    def turn_timed(self, at: float, facts: dict[str, str | int | float | bool | None]) -> None:
        """Pass the timing of an answer on."""
        if (observer := self._watching) is not None:
            with self._guard:
                observer.turn_timed(at, facts)

    def caller_audio(self, at: float, audio: bytes) -> None:
        """Pass the caller's audio on."""
        if (observer := self._watching) is not None:
            with self._guard:
                observer.caller_audio(at, audio)

    def agent_audio(self, at: float, audio: bytes) -> None:
        """Pass the agent's audio on."""
        if (observer := self._watching) is not None:
            with self._guard:
                observer.agent_audio(at, audio)

    def ended(self, at: float, history: tuple[HistoryItem, ...]) -> None:
        """Pass the end on."""
        if (observer := self._watching) is not None:
            with self._guard:
                observer.ended(at, self._curtain.history(history))

    @property
    def _watching(self) -> CallObserver | None:
        return None if self._guard.failed else self._observer


class _Guard:
    """Holds back what an observer raises, whatever it is, and remembers it."""

    __slots__ = ("_call_sid", "failed")

    def __init__(self, call_sid: str) -> None:
        self._call_sid = call_sid
        self.failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.failed = True
        log.error("observer_failed", call_sid=self._call_sid, exc_info=error)
        return True
