"""Which words of the agent really sounded in the caller's ear, from the heard track alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voicecore.audio.mulaw import BYTES_PER_MS, FRAME_BYTES, SAMPLE_RATE_HZ
from voicecore.sandbox.voice import Speech

_SILENCE = frozenset((0x7F, 0xFF))

LONGEST_GAP_S = 3.0
"""A speech that was paused goes on within this time, or not at all."""


@dataclass(frozen=True, slots=True)
class HeardSpeech:
    """One speech on the heard track: from `start_s`, `played_ms` of its audio, those words."""

    text: str
    start_s: float
    end_s: float
    played_ms: int
    words: tuple[str, ...]
    complete: bool


def heard_speeches(speeches: Iterable[Speech], track: bytes) -> tuple[HeardSpeech, ...]:
    """Find each speech on the track, in order; one of which nothing sounded is left out.

    The audio is matched sample by sample, so a pause and what follows it are told apart.
    """
    found = []
    after = 0
    for speech in speeches:
        stretch = _play_of(speech.audio, track, after)
        if stretch is None:
            continue
        start, end, played = stretch
        after = start + 1
        played_ms = played // BYTES_PER_MS
        words = tuple(word.text for word in speech.words if word.end_ms <= played_ms)
        found.append(
            HeardSpeech(
                text=speech.text,
                start_s=start / SAMPLE_RATE_HZ,
                end_s=end / SAMPLE_RATE_HZ,
                played_ms=played_ms,
                words=words,
                complete=len(words) == len(speech.words),
            )
        )
    return tuple(found)


def words_beyond(kept: Sequence[str], heard: Sequence[str]) -> tuple[str, ...]:
    """The kept words that were not heard; the kept text must be a beginning of what was heard."""
    for place, word in enumerate(kept):
        if place >= len(heard) or _plain(word) != _plain(heard[place]):
            return tuple(kept[place:])
    return ()


def _play_of(audio: bytes, track: bytes, after: int) -> tuple[int, int, int] | None:
    """First and last sample on the track, and how many bytes of the audio sounded."""
    start = _find(audio, 0, track, after, len(track))
    if start is None:
        return None
    played, place = 0, start
    while played < len(audio):
        same = _common_length(audio, played, track, place)
        played += same
        place += same
        latest = place + int(LONGEST_GAP_S * SAMPLE_RATE_HZ)
        again = _find(audio, played, track, place, latest)
        if again is None:
            break
        place = again
    return start, place, played


def _find(audio: bytes, first: int, track: bytes, after: int, before: int) -> int | None:
    """Where `audio` from `first` on stands on the track; silence alone is found nowhere."""
    anchor = first
    while anchor < len(audio) and audio[anchor] in _SILENCE:
        anchor += 1
    if anchor >= len(audio):
        return None
    found = track.find(audio[anchor : anchor + FRAME_BYTES], after, before)
    return None if found < 0 else max(after, found - (anchor - first))


def _common_length(audio: bytes, first: int, track: bytes, place: int) -> int:
    size = min(len(audio) - first, len(track) - place)
    one, other = audio[first : first + size], track[place : place + size]
    if one == other:
        return size
    return next(index for index in range(size) if one[index] != other[index])


def _plain(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())
