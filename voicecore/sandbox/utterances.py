"""Finding known utterances in the µ-law that really arrived, from content only.

Theory of operation. Every utterance is registered with its bytes. Each 16th byte offset of it is
an anchor: a window of 24 bytes, kept by hash. The recogniser reads the stream in blocks of 20 ms.
While it follows an utterance, a block costs one comparison. When it does not, and the block is not
silent, it looks up 16 neighbouring windows, one of which meets an anchor at any alignment; from
there it extends the match backwards and forwards byte by byte. A stretch of the stream that equals
a stretch of an utterance is a run, and a word is recognised when one run holds all of its bytes.

So the tolerance is none: one wrong, missing, doubled or displaced byte inside a word loses that
word, and no other. Damage in a pause loses nothing. Sound that no utterance holds is noise: voice
activity without words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from voicecore.audio import mulaw
from voicecore.sandbox.voice import Speech, SpokenWord

HISTORY_MS: Final = 3_000
"""How far back a match may begin before its first anchor is met: the longest word that survives."""

_WINDOW_BYTES = 24
_STRIDE_BYTES = 16
_DISTINCT_CODES = 5
"""A window of fewer different bytes is near silence and could stand anywhere."""
_CANDIDATES = 8
_LOUD_LINEAR = 330
"""About -40 dBov."""
_LOUD_SAMPLES = 12
_SILENCE = bytes((mulaw.SILENCE_BYTE,))
_QUIET_CODES = bytes(
    code for code in range(256) if abs(int(mulaw.decode(bytes((code,)))[0])) < _LOUD_LINEAR
)


@dataclass(frozen=True, slots=True)
class HeardBlock:
    """What 20 ms of the stream held; times count from the stream's first byte.

    `words` are those whose last byte was seen in this block, in order; they may have ended earlier.
    """

    end_ms: int
    is_voice: bool
    words: tuple[SpokenWord, ...]


class Listener(Protocol):
    """Anything that turns a µ-law stream into blocks; a matcher by correlation would be another."""

    def feed(self, data: bytes) -> list[HeardBlock]:
        """Take the next slice of the stream, of any size; return the blocks that are complete."""
        ...


class UtteranceBook:
    """The utterances that may be heard; shared by all recognisers, and growing while they run."""

    def __init__(self) -> None:
        self._speeches: list[Speech] = []
        self._known: set[bytes] = set()
        self._anchors: dict[int, list[tuple[int, int]]] = {}

    def __len__(self) -> int:
        return len(self._speeches)

    def register(self, speech: Speech) -> Speech:
        """Make `speech` recognisable; registering the same audio again changes nothing."""
        audio = speech.audio
        if audio in self._known:
            return speech
        number = len(self._speeches)
        self._known.add(audio)
        self._speeches.append(speech)
        for offset in range(0, len(audio) - _WINDOW_BYTES + 1, _STRIDE_BYTES):
            window = audio[offset : offset + _WINDOW_BYTES]
            if len(set(window)) >= _DISTINCT_CODES:
                places = self._anchors.setdefault(hash(window), [])
                if len(places) < _CANDIDATES:
                    places.append((number, offset))
        return speech

    def places(self, window: bytes) -> list[tuple[Speech, int]]:
        """Return where `window` (24 bytes) is an anchor: utterance and byte offset."""
        found = []
        for number, offset in self._anchors.get(hash(window), ()):
            speech = self._speeches[number]
            if speech.audio[offset : offset + _WINDOW_BYTES] == window:
                found.append((speech, offset))
        return found


@dataclass(slots=True)
class _Run:
    """A stretch of the stream that equals a stretch of `speech`.

    `shift` is the stream position of the utterance's first byte; `begin` and `end` are positions
    in the utterance.
    """

    speech: Speech
    shift: int
    begin: int
    end: int
    next_word: int = 0


class Recognizer:
    """Follows one stream; not bound to its chunking, alignment or start.

    It keeps three seconds of the stream and nothing else.
    """

    def __init__(self, book: UtteranceBook) -> None:
        self._book = book
        self._kept = bytearray()
        self._kept_from = 0
        self._done = 0
        self._run: _Run | None = None
        self._words_until = 0
        self._fresh: list[SpokenWord] = []

    @property
    def position_ms(self) -> int:
        """How much of the stream was worked through."""
        return self._done // mulaw.BYTES_PER_MS

    def feed(self, data: bytes) -> list[HeardBlock]:
        """Take the next slice of the stream, of any size; return the 20 ms blocks it completes."""
        self._kept += data
        blocks = []
        while self._kept_from + len(self._kept) - self._done >= mulaw.FRAME_BYTES:
            blocks.append(self._next_block())
        surplus = self._done - self._kept_from - 2 * HISTORY_MS * mulaw.BYTES_PER_MS
        if surplus > 0:
            # Trimmed in large steps: moving the buffer for every frame would cost more.
            cut = surplus + HISTORY_MS * mulaw.BYTES_PER_MS
            del self._kept[:cut]
            self._kept_from += cut
        return blocks

    def _next_block(self) -> HeardBlock:
        block = self._slice(self._done, self._done + mulaw.FRAME_BYTES)
        begin, self._done = self._done, self._done + mulaw.FRAME_BYTES
        is_silent = block.count(_SILENCE) == mulaw.FRAME_BYTES
        at = begin
        # Each round ends the block or moves on by at least one window: 7 rounds at most.
        while at < self._done:
            if self._run is not None:
                at = self._follow(self._run, at)
            elif is_silent or not self._search(at):
                break
            else:
                at = self._run.shift + self._run.end if self._run is not None else self._done
        words, self._fresh = tuple(self._fresh), []
        loud = 0 if is_silent else len(block.translate(None, _QUIET_CODES))
        return HeardBlock(self._done // mulaw.BYTES_PER_MS, loud >= _LOUD_SAMPLES, words)

    def _slice(self, begin: int, end: int) -> bytes:
        return bytes(self._kept[begin - self._kept_from : end - self._kept_from])

    def _follow(self, run: _Run, at: int) -> int:
        """Extend the run over the block; return the position where it stopped or the block ends."""
        audio = run.speech.audio
        heard = self._slice(at, self._done)
        expected = audio[run.end : run.end + len(heard)]
        matching = len(expected)
        if heard[:matching] != expected:
            matching = _common_prefix(heard, expected)
        run.end += matching
        self._collect(run)
        if matching < len(heard):
            self._run = None
        return at + matching

    def _collect(self, run: _Run) -> None:
        """Take the words that the run holds whole, and no stretch of the stream twice."""
        words = run.speech.words
        while run.next_word < len(words):
            word = words[run.next_word]
            if word.end_ms * mulaw.BYTES_PER_MS > run.end:
                return
            run.next_word += 1
            begin = run.shift + word.start_ms * mulaw.BYTES_PER_MS
            if word.start_ms * mulaw.BYTES_PER_MS >= run.begin and begin >= self._words_until:
                end = run.shift + word.end_ms * mulaw.BYTES_PER_MS
                self._words_until = end
                self._fresh.append(
                    SpokenWord(word.text, begin // mulaw.BYTES_PER_MS, end // mulaw.BYTES_PER_MS)
                )

    def _search(self, at: int) -> bool:
        """Look for an anchor in the 16 windows from `at` on; return whether a run was found."""
        near = self._slice(at, min(self._done, at + _STRIDE_BYTES + _WINDOW_BYTES))
        anchors = self._book.places
        for offset in range(len(near) - _WINDOW_BYTES + 1):
            places = anchors(near[offset : offset + _WINDOW_BYTES])
            if places:
                runs = [self._run_at(speech, place, at + offset) for speech, place in places]
                self._run = max(runs, key=lambda run: run.end - run.begin)
                self._collect(self._run)
                return True
        return False

    def _run_at(self, speech: Speech, place: int, position: int) -> _Run:
        """Return the run around a met anchor, as far as it reaches in what was received."""
        before = self._slice(
            max(self._kept_from, position - place, position - HISTORY_MS * mulaw.BYTES_PER_MS),
            position,
        )
        back = _common_suffix(before, speech.audio[max(0, place - len(before)) : place])
        ahead = self._slice(position, self._done)
        expected = speech.audio[place : place + len(ahead)]
        forth = _common_prefix(ahead, expected)
        return _Run(speech, position - place, place - back, place + forth)


def _common_prefix(one: bytes, other: bytes) -> int:
    """Return how many leading bytes agree."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_suffix(one: bytes, other: bytes) -> int:
    """Return how many trailing bytes agree."""
    return _common_prefix(one[::-1], other[::-1])
