"""What observers see of a step: everything but a code that the caller says or presses."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from voicecore.call.commands import AskLlm, Command, RunTool
from voicecore.call.events import DigitPressed, Event, FinalWords, InterimWords
from voicecore.call.history import HistoryItem


class Curtain(Protocol):
    """Knows when a code is waited for, and what of the caller's words may be written down."""

    def text(self, text: str) -> str:
        """Return words of the caller as they may be written down now."""
        ...

    def history(self, history: tuple[HistoryItem, ...]) -> tuple[HistoryItem, ...]:
        """Return the history as it may be written down."""
        ...


class OpenCurtain:
    """Hides nothing."""

    def text(self, text: str) -> str:
        """Return the words."""
        return text

    def history(self, history: tuple[HistoryItem, ...]) -> tuple[HistoryItem, ...]:
        """Return the history."""
        return history


def curtained_event(event: Event, curtain: Curtain) -> Event:
    """Return the event without a code in its words or its digit."""
    match event:
        case InterimWords() | FinalWords():
            text = curtain.text(event.text)
            return event if text == event.text else replace(event, text=text)
        case DigitPressed():
            digit = curtain.text(event.digit)
            return event if digit == event.digit else replace(event, digit=digit)
        case _:
            return event


def curtained_commands(commands: tuple[Command, ...], curtain: Curtain) -> tuple[Command, ...]:
    """Return the commands without a code in the history that they carry."""
    return tuple(
        replace(command, history=curtain.history(command.history))
        if isinstance(command, AskLlm | RunTool)
        else command
        for command in commands
    )
