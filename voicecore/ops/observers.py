"""Several observers of one call as one."""

from __future__ import annotations

from voicecore.call.commands import Command
from voicecore.call.events import Event
from voicecore.call.history import HistoryItem
from voicecore.call_info import CallInfo
from voicecore.observer import CallObserver


class Observers:
    """Passes everything on, in order; with nobody in it, it observes nothing."""

    def __init__(self, *observers: CallObserver) -> None:
        self._observers = observers

    def started(self, info: CallInfo, at: float) -> None:
        """Pass the beginning on."""
        for observer in self._observers:
            observer.started(info, at)

    def stepped(self, event: Event, commands: tuple[Command, ...]) -> None:
        """Pass one step on."""
        for observer in self._observers:
            observer.stepped(event, commands)

    def turn_timed(self, at: float, facts: dict[str, str | int | float | bool | None]) -> None:
        """Pass the timing of an answer on."""
        for observer in self._observers:
            observer.turn_timed(at, facts)

    def caller_audio(self, at: float, audio: bytes) -> None:
        """Pass the caller's audio on."""
        for observer in self._observers:
            observer.caller_audio(at, audio)

    def agent_audio(self, at: float, audio: bytes) -> None:
        """Pass the agent's audio on."""
        for observer in self._observers:
            observer.agent_audio(at, audio)

    def ended(self, at: float, history: tuple[HistoryItem, ...]) -> None:
        """Pass the end on."""
        for observer in self._observers:
            observer.ended(at, history)
