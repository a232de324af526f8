"""The scripted caller in virtual time: hears, waits, speaks, interrupts, presses keys."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from bench.simulate.playout import HeardSegment
from bench.simulate.script import Script, Step

QUIET_S = 0.5
"""So long the agent must have been silent before the caller takes the floor."""
PATIENCE_S = 14.0
"""Longest wait for an answer before the caller goes on anyway."""
MS_PER_LETTER = 60
_MOST_ANSWERS = 16
_AFTER_SPEECH = frozenset({"interrupt", "backchannel"})
_FATE = frozenset({"rival", "expire_holds", "fail"})
_NEVER = float("inf")


class Ear(Protocol):
    """What the caller hears of the agent."""

    @property
    def heard(self) -> Sequence[HeardSegment]:
        """What was said so far."""
        ...

    @property
    def stretch_at(self) -> float | None:
        """Since when the agent has been sounding, None while it is silent."""
        ...

    @property
    def silent_at(self) -> float | None:
        """When its last sound ended."""
        ...


class Call(Protocol):
    """What the caller does to the call, and sees of it."""

    @property
    def now(self) -> float:
        """Seconds since the call was answered."""
        ...

    @property
    def playout(self) -> Ear:
        """What comes out of the receiver."""
        ...

    @property
    def listens(self) -> bool:
        """Whether the floor is the caller's."""
        ...

    def utter(self, text: str, length_s: float) -> float:
        """Say something from now on, without text only a noise; returns how long it takes."""
        ...

    def press(self, digits: str) -> float:
        """Press keys from now on; returns for how long."""
        ...

    def hang_up(self) -> None:
        """Put the receiver down."""
        ...

    def fate(self, step: Step) -> None:
        """Let something happen that is not the caller's doing."""
        ...

    def last_code(self) -> str:
        """The digits of the last text message."""
        ...


@dataclass(slots=True)
class _Ear:
    """What was heard when the caller last did something."""

    segments: int = 0
    until: float = 0.0


class VirtualCaller:
    """Plays a script; `left` are the steps that were not played."""

    def __init__(self, script: Script, random: Random) -> None:
        self.left = deque(script.talk)
        self.said: list[tuple[float, str]] = []
        self._answers = dict(script.answers)
        self._answers_left = _MOST_ANSWERS
        self._random = random
        self._busy_until = 0.0
        self._ear = _Ear()
        self._expects_answer = True

    def due_at(self, call: Call) -> float:
        """Return when the next step is due, as things stand."""
        if not self.left:
            return self._floor_at(call, quiet_s=3.0)
        step = self.left[0]
        if step.verb == "hang_up" and step.text:
            return max(call.now, self._busy_until + int(step.text) / 1000)
        if step.verb in _AFTER_SPEECH:
            began = call.playout.stretch_at
            if began is not None and began >= self._ear.until:
                return max(call.now, began + step.after_ms / 1000)
        return self._floor_at(call, quiet_s=QUIET_S)

    def act(self, call: Call) -> None:
        """Do the next step."""
        if not self.left:
            call.hang_up()
            return
        answer = self._answer(call)
        if answer:
            self._speak(call, answer)
            return
        step = self.left.popleft()
        heard = self.last_heard(call)
        if step.when and not re.search(step.when, heard, re.IGNORECASE):
            return
        if step.verb in _FATE:
            call.fate(step)
        elif step.verb == "hang_up":
            call.hang_up()
        else:
            self._make_itself_heard(call, step)

    def waited(self, until: float) -> None:
        """Let time pass in which nobody could be spoken to."""
        self._busy_until = until

    @property
    def is_speaking_until(self) -> float:
        """Until when the caller is busy with what was begun last."""
        return self._busy_until

    def cut_in(self, call: Call, text: str) -> None:
        """Speak at once, whoever is speaking."""
        self._speak(call, text)

    def last_heard(self, call: Call) -> str:
        """Return what the agent has said since the caller last did something."""
        return " ".join(part.text for part in call.playout.heard[self._ear.segments :])

    def _make_itself_heard(self, call: Call, step: Step) -> None:
        match step.verb:
            case "press":
                self._took(call, call.press(step.text))
            case "silence_ms":
                self._busy_until = call.now + int(step.text) / 1000
                self._expects_answer = False
            case "noise_ms":
                length_s = call.utter("", int(step.text) / 1000)
                self._busy_until = call.now + length_s
            case "backchannel" if call.playout.stretch_at is None:
                return
            case _:
                self._speak(call, step.text, expects_answer=step.verb != "backchannel")

    def _speak(self, call: Call, text: str, *, expects_answer: bool = True) -> None:
        text = text.replace("{code}", " ".join(call.last_code()))
        length_s = 0.2 + len(text) * MS_PER_LETTER / 1000 * self._random.uniform(0.85, 1.15)
        self.said.append((call.now, text))
        length_s = call.utter(text, length_s)
        if expects_answer:
            self._took(call, length_s)
        else:
            self._busy_until = call.now + length_s

    def _took(self, call: Call, length_s: float) -> None:
        self._busy_until = call.now + length_s
        self._ear = _Ear(len(call.playout.heard), self._busy_until)
        self._expects_answer = True

    def _answer(self, call: Call) -> str:
        heard = self.last_heard(call)
        if not self._answers_left or self.left[0].verb != "say":
            return ""
        for pattern in list(self._answers):
            if re.search(pattern, heard, re.IGNORECASE):
                self._answers_left -= 1
                return self._answers[pattern]
        return ""

    def _floor_at(self, call: Call, *, quiet_s: float) -> float:
        """Return when the caller may speak: the agent has answered and is silent."""
        playout = call.playout
        given_up_at = max(self._busy_until, playout.silent_at or 0.0) + PATIENCE_S
        if playout.stretch_at is not None or not call.listens:
            return given_up_at if playout.stretch_at is None else _NEVER
        silent_at = playout.silent_at or 0.0
        if self._expects_answer and silent_at <= self._ear.until:
            return given_up_at
        return max(call.now, silent_at + quiet_s, self._busy_until)
