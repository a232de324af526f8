"""The figures of a call, computed from its tracks and events: exact, and the same every time.

Pure functions over µ-law tracks (8000 bytes a second from the clock's zero) and times in seconds
on the call's clock. None always means that what was asked for did not happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voicecore.audio.mulaw import BYTES_PER_MS, SAMPLE_RATE_HZ
from voicecore.sandbox.activity import Sound, sound_edges, sounds
from voicecore.sandbox.call_record import Utterance
from voicecore.sandbox.twilio_buffer import Gap, GapCause

PAUSE_MS = 200.0
"""Quiet up to this long is part of speech."""


@dataclass(frozen=True, slots=True)
class StopTail:
    """How the agent fell silent: when its last sound before the silence ended, and how late."""

    silent_at_s: float
    after_onset_ms: float


def voice_to_voice_ms(
    heard: bytes | bytearray, utterance: Utterance, *, until_s: float | None = None
) -> float | None:
    """Return the time from the end of the caller's voice to the first sound of the answer.

    The answer is the first stretch of sound that begins at or after the end of the utterance and
    before `until_s` (None: the end of the track). Speech that was already going on is no answer.
    """
    for sound in sounds(heard, merge_gap_ms=PAUSE_MS):
        if until_s is not None and sound.start_s >= until_s:
            return None
        if sound.start_s >= utterance.end_s:
            return (sound.start_s - utterance.end_s) * 1000
    return None


def onset_to_clear_ms(
    utterance: Utterance, clears_s: Iterable[float], *, within_ms: float = 2000.0
) -> float | None:
    """Return the time from the caller's first sound to the next `clear`."""
    for at_s in sorted(clears_s):
        if at_s >= utterance.onset_s:
            delay_ms = (at_s - utterance.onset_s) * 1000
            return delay_ms if delay_ms <= within_ms else None
    return None


def onset_to_silence(
    heard: bytes | bytearray, utterance: Utterance, *, quiet_ms: float = 300.0
) -> StopTail | None:
    """Return when the caller heard the agent stop: the end of the sound that they spoke into.

    None when nothing sounded at the onset, pauses shorter than `quiet_ms` counted as sound.
    """
    for sound in sounds(heard, merge_gap_ms=quiet_ms):
        if sound.start_s <= utterance.onset_s < sound.end_s:
            delay_ms = (sound.end_s - utterance.onset_s) * 1000
            return StopTail(sound.end_s, delay_ms)
    return None


def stale_after_clear_ms(
    heard: bytes | bytearray, clear_s: float, *, within_ms: float = 200.0
) -> float:
    """Return how much of the `within_ms` after a clear still sounded, up to its last sound.

    What sounds so soon after a clear was sent before the sender noticed it: nobody decides to
    speak again that quickly.
    """
    first = int(clear_s * SAMPLE_RATE_HZ + 0.5)
    edges = sound_edges(heard[first : first + int(within_ms * BYTES_PER_MS)])
    return 0.0 if edges is None else edges[1] / BYTES_PER_MS


def underruns(gaps: Sequence[Gap], *, shorter_than_ms: float = 400.0) -> list[Gap]:
    """Return the gaps in which the queue ran dry in the middle of a reply.

    A dry queue is also how a reply ends. The next one starts `shorter_than_ms` later at the
    earliest, because the caller has to speak in between.
    """
    return [
        gap for gap in gaps if gap.cause is GapCause.DRAINED and 0 < gap.length_ms < shorter_than_ms
    ]


def talk_over_ms(said: bytes | bytearray, heard: bytes | bytearray) -> float:
    """Return for how long both spoke at once."""
    callers, agents = (sounds(track, merge_gap_ms=PAUSE_MS) for track in (said, heard))
    return sum(_overlap_s(caller, agent) for caller in callers for agent in agents) * 1000


def quiet_spells(
    said: bytes | bytearray, heard: bytes | bytearray, *, longer_than_ms: float
) -> list[Sound]:
    """Return the stretches in which nobody spoke, between the first and the last sound."""
    speech = sorted(
        (*sounds(said, merge_gap_ms=PAUSE_MS), *sounds(heard, merge_gap_ms=PAUSE_MS)),
        key=lambda sound: sound.start_s,
    )
    spells = []
    spoken_until_s = speech[0].start_s if speech else 0.0
    for sound in speech:
        if (sound.start_s - spoken_until_s) * 1000 > longer_than_ms:
            spells.append(Sound(spoken_until_s, sound.start_s))
        spoken_until_s = max(spoken_until_s, sound.end_s)
    return spells


def _overlap_s(one: Sound, other: Sound) -> float:
    return max(0.0, min(one.end_s, other.end_s) - max(one.start_s, other.start_s))
