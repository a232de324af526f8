"""A listener in virtual time: which words it has heard, and when it says so.

Interims come on a grid of the audio, a little late; the final one comes when the voice has been
silent for the endpointing time, or when it is asked to finalise. Every word is understood. The
delays are drawn from the range that Deepgram's own figures and independent ones give.

Source: Deepgram, Endpointing; Interim Results. pipecat-ai/stt-benchmark (247 to 326 ms from the
end of speech to the final segment).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from voicecore.call.events import Event, FinalWords, InterimWords
from voicecore.sandbox.voice import Speech

INTERIM_EVERY_S = 0.3
INTERIM_DELAY_S = (0.08, 0.2)
FINAL_DELAY_S = (0.24, 0.33)
"""From the end of the voice; the listener's own endpointing is in it."""
FINALIZE_DELAY_S = (0.05, 0.12)


@dataclass(frozen=True, slots=True)
class Hearing:
    """A speech that the caller says from `start_s` on."""

    speech: Speech
    start_s: float

    @property
    def end_s(self) -> float:
        """When its last word has been said."""
        last_ms = self.speech.words[-1].end_ms if self.speech.words else 0
        return self.start_s + last_ms / 1000

    def text_by(self, at_s: float) -> str:
        """Return the words that have ended by then."""
        said_ms = (at_s - self.start_s) * 1000
        return " ".join(word.text for word in self.speech.words if word.end_ms <= said_ms)

    def events(self, rng: np.random.Generator) -> Iterator[Event]:
        """Yield what the listener tells of it, in order."""
        grid_s = np.ceil(self.start_s / INTERIM_EVERY_S + rng.random()) * INTERIM_EVERY_S
        told = ""
        while grid_s < self.end_s:
            text = self.text_by(grid_s)
            if text != told:
                told = text
                yield InterimWords(grid_s + rng.uniform(*INTERIM_DELAY_S), text, self.start_s)
            grid_s += INTERIM_EVERY_S
        yield FinalWords(
            self.end_s + rng.uniform(*FINAL_DELAY_S),
            self.text_by(self.end_s),
            self.start_s,
            speech_final=True,
        )
