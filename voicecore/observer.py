"""Who may watch a call: the flight log, the recorder, the live transcript."""

from __future__ import annotations

from typing import Protocol

from voicecore.call.commands import Command
from voicecore.call.events import Event
from voicecore.call.history import HistoryItem
from voicecore.call_info import CallInfo


class CallObserver(Protocol):
    """Sees everything that one call's control plane does; must return at once and never raise."""

    def started(self, info: CallInfo, at: float) -> None: ...

    def stepped(self, event: Event, commands: tuple[Command, ...]) -> None: ...

    def turn_timed(self, at: float, facts: dict[str, str | int | float | bool | None]) -> None: ...

    def caller_audio(self, at: float, audio: bytes) -> None: ...

    def agent_audio(self, at: float, audio: bytes) -> None: ...

    def ended(self, at: float, history: tuple[HistoryItem, ...]) -> None: ...


class ObserverFactory(Protocol):
    """Makes the observers of a new call."""

    def __call__(self, info: CallInfo) -> CallObserver: ...
