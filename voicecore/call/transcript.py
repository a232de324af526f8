"""Assembly of the caller's turn from interim and final words.

The listener sends guesses that replace each other (interims) and finished segments, some of them
empty; the end of the utterance may be told on a segment with words, on an empty one, by a backup
message, or not at all. Here the words are kept; when the turn ends is decided in `endpointing`.

Source: Deepgram, "Using Endpointing and Interim Results" and "Utterance End": several final
segments may make one utterance, and `UtteranceEnd` may come when only interims exist.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_SAME_START_S = 0.02
"""Two messages about one segment name its start to this precision."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of the open turn.

    `segment` is the last message's text as it came, words that were used before included.
    `used_start_s` and `used_words`: the segment whose first words were used already, in this turn
    or in an earlier one, so that a later message about the same segment adds only what is new.
    """

    finals: tuple[str, ...] = ()
    interim: str = ""
    interim_start_s: float = 0.0
    interim_words: int = 0
    segment: str = ""
    used_start_s: float | None = None
    used_words: int = 0

    @property
    def text(self) -> str:
        """Everything heard in this turn so far; the interim guess is the end of it."""
        return " ".join(part for part in (*self.finals, self.interim) if part)

    def with_interim(self, text: str, start_s: float) -> Transcript:
        """Replace the guess for the open segment."""
        return replace(
            self,
            interim=self._unused(text, start_s),
            interim_start_s=start_s,
            interim_words=len(text.split()),
            segment=text,
        )

    def with_final(self, text: str, start_s: float) -> Transcript:
        """Close the open segment; an empty text closes it without words."""
        unused = self._unused(text, start_s)
        if not unused:
            return replace(self, interim="", interim_words=0, segment=text)
        return replace(
            self,
            finals=(*self.finals, unused),
            interim="",
            interim_words=0,
            segment=text,
            used_start_s=start_s,
            used_words=len(text.split()),
        )

    def taken(self) -> Transcript:
        """Start the next turn: the words so far were used or dropped, the open segment's too."""
        if self.interim:
            return Transcript(used_start_s=self.interim_start_s, used_words=self.interim_words)
        return Transcript(used_start_s=self.used_start_s, used_words=self.used_words)

    def _unused(self, text: str, start_s: float) -> str:
        words = text.split()
        if self.used_start_s is not None and abs(start_s - self.used_start_s) <= _SAME_START_S:
            words = words[self.used_words :]
        return " ".join(words)
