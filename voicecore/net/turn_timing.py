"""Where the time of one answer went, as seen inside the engine."""

from __future__ import annotations

from dataclasses import dataclass


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

    def facts(self) -> dict[str, str | int | float | bool | None]:
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


def _gap_ms(start: float | None, end: float | None) -> float | None:
    if start is None or end is None:
        return None
    return round(max(0.0, end - start) * 1000, 3)
