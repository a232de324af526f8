"""Who may watch a call: the flight log, the recorder, the live transcript."""

from __future__ import annotations

from typing import Protocol

from voicecore.call.commands import Command
from voicecore.call.events import Event
from voicecore.call.history import HistoryItem
from voicecore.call_info import CallInfo


class CallObserver(Protocol):
    """Sees everything that one call's control plane does; must return at once and never raise."""

    def started(self, info: CallInfo, at: float) -> None:
        """Learn that the media stream of the call has begun."""

    def stepped(self, event: Event, commands: tuple[Command, ...]) -> None:
        """Learn what happened and what the reducer asked for, in order."""

    def turn_timed(self, at: float, facts: dict[str, str | int | float | bool | None]) -> None:
        """Learn how long the stages of one answer took."""

    def caller_audio(self, at: float, audio: bytes) -> None:
        """Take µ-law, 8 kHz, as the caller's line brought it, gaps filled."""

    def agent_audio(self, at: float, audio: bytes) -> None:
        """Take µ-law, 8 kHz, as it was sent to the caller."""

    def ended(self, at: float, history: tuple[HistoryItem, ...]) -> None:
        """Learn that the call is over, and what was said in it."""


class ObserverFactory(Protocol):
    """Makes the observers of a new call."""

    def __call__(self, info: CallInfo) -> CallObserver:
        """Return the observer of the call that begins."""
        ...
