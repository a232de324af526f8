"""Where the time of each answer went, as seen inside the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Facts = dict[str, str | int | float | bool | None]


@dataclass(slots=True)
class TurnTiming:
    """Monotonic seconds of the steps of one reply; None until a step has happened.

    The engine's own share is what lies between an event from outside and our next move: the end
    of the caller's turn to the model request, first model text to speech request, first speech
    byte to first frame out.
    """

    turn: int
    committed_at: float | None = None
    llm_asked_at: float | None = None
    first_text_at: float | None = None
    first_speak_at: float | None = None
    first_audio_at: float | None = None
    first_frame_at: float | None = None

    def facts(self) -> Facts:
        """The gaps in milliseconds; None where a step is missing."""
        return {
            "turn": self.turn,
            "commit_to_ask_ms": _gap_ms(self.committed_at, self.llm_asked_at),
            "llm_first_text_ms": _gap_ms(self.llm_asked_at, self.first_text_at),
            "text_to_speak_ms": _gap_ms(self.first_text_at, self.first_speak_at),
            "speech_first_byte_ms": _gap_ms(self.first_speak_at, self.first_audio_at),
            "byte_to_frame_ms": _gap_ms(self.first_audio_at, self.first_frame_at),
            "engine_ms": self.engine_ms(),
        }

    def engine_ms(self) -> float | None:
        """Time that only our code spent; None while the reply has no first frame."""
        parts = (
            _gap_ms(self.committed_at, self.llm_asked_at),
            _gap_ms(self.first_text_at, self.first_speak_at),
            _gap_ms(self.first_audio_at, self.first_frame_at),
        )
        known = [part for part in parts if part is not None]
        return round(sum(known), 3) if self.first_frame_at is not None and known else None


class TurnTimings:
    """The timings of one call; of every step the first time counts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turns: dict[int, TurnTiming] = {}

    def __len__(self) -> int:
        return len(self._turns)

    def asked(self, turn: int, *, committed_at: float) -> None:
        """The model was asked because of an event at `committed_at`."""
        timing = self._of(turn)
        timing.committed_at = timing.committed_at or committed_at
        timing.llm_asked_at = timing.llm_asked_at or self._clock()

    def first_text(self, turn: int) -> None:
        """The model has sent words."""
        timing = self._of(turn)
        timing.first_text_at = timing.first_text_at or self._clock()

    def spoke(self, turn: int) -> None:
        """A segment was given to the speaker."""
        timing = self._of(turn)
        timing.first_speak_at = timing.first_speak_at or self._clock()

    def first_audio(self, turn: int) -> None:
        """Audio has come."""
        timing = self._of(turn)
        timing.first_audio_at = timing.first_audio_at or self._clock()

    def first_frame(self, turn: int) -> Facts:
        """Audio went out to the caller; returns where the time went."""
        timing = self._of(turn)
        timing.first_frame_at = self._clock()
        return timing.facts()

    def engine_ms_max(self) -> float | None:
        """The engine's largest own share of any answer."""
        shares = (timing.engine_ms() for timing in self._turns.values())
        return max((share for share in shares if share is not None), default=None)

    def _of(self, turn: int) -> TurnTiming:
        return self._turns.setdefault(turn, TurnTiming(turn))


def _gap_ms(start: float | None, end: float | None) -> float | None:
    if start is None or end is None:
        return None
    return round(max(0.0, end - start) * 1000, 3)
