"""Whether somebody transcribes the caller: what a listener tells its session."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ListenerPhase(StrEnum):
    """Where a listener's connection stands."""

    OPEN = "open"
    """Connected for the first time."""
    LOST = "lost"
    """The connection went away; another one is being made."""
    RESTORED = "restored"
    """Connected again; the audio in between was or will be sent once more."""
    FATAL = "fatal"
    """Given up: nothing more will be heard on this call."""


@dataclass(frozen=True, slots=True)
class ListenerState:
    """A change of phase; `reason` and `status` (HTTP) tell why for `LOST` and `FATAL`."""

    phase: ListenerPhase
    reason: str = ""
    status: int | None = None
