"""The work in progress of one step: the next state and the commands so far.

`step` is pure; inside one step a `Draft` is passed on instead of threading two values through
every function. It never outlives the step.
"""

from __future__ import annotations

from dataclasses import replace

from voicecore.call.commands import CancelTimer, Command, Note, SetTimer
from voicecore.call.events import Timer
from voicecore.call.state import CallState

Fact = str | int | float | bool | None


class Draft:
    """A state being changed by one event that happens at `at`."""

    __slots__ = ("at", "commands", "state")

    def __init__(self, state: CallState, at: float) -> None:
        self.state = state
        self.at = at
        self.commands: list[Command] = []

    def emit(self, *commands: Command) -> None:
        """Ask for something, after what was asked for before."""
        self.commands.extend(commands)

    def note(self, name: str, facts: dict[str, Fact]) -> None:
        """Record one fact of the call."""
        self.emit(Note(name, facts))

    def due_at(self, timer: Timer) -> float | None:
        """Return when the timer fires, None if it does not run."""
        return dict(self.state.timers).get(timer)

    def set_timer(self, timer: Timer, *, after_ms: float) -> None:
        """Start the timer, counted from this event, or start it again."""
        self.set_timer_at(timer, self.at + after_ms / 1000)

    def set_timer_at(self, timer: Timer, at: float) -> None:
        """Start the timer for one moment, or move it there."""
        self._forget(timer)
        self.state = replace(self.state, timers=(*self.state.timers, (timer, at)))
        self.emit(SetTimer(timer, at))

    def cancel_timer(self, *timers: Timer) -> None:
        """Stop timers; those that do not run are passed over."""
        for timer in timers:
            if self.due_at(timer) is not None:
                self._forget(timer)
                self.emit(CancelTimer(timer))

    def cancel_all_timers(self) -> None:
        """Stop every timer that runs."""
        self.cancel_timer(*(timer for timer, _ in self.state.timers))

    def take_fired(self, timer: Timer) -> bool:
        """Return whether a firing is meant: the timer runs and is due; it is stopped then.

        A firing that was on its way when the timer was stopped or moved is no firing.
        """
        due_at = self.due_at(timer)
        if due_at is None:
            return False
        if self.at + _EARLY_S < due_at:
            self.emit(SetTimer(timer, due_at))
            return False
        self._forget(timer)
        return True

    def _forget(self, timer: Timer) -> None:
        timers = tuple(entry for entry in self.state.timers if entry[0] is not timer)
        self.state = replace(self.state, timers=timers)


_EARLY_S = 0.02
"""Clocks of event loops fire a little early."""
