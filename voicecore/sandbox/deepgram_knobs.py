"""What a test or the demo may change about the Deepgram stand-ins: delays and faults.

A value is read when it matters, so changing it acts on connections that are open.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class ListenKnobs:
    """How `/v1/listen` behaves; the defaults are a healthy service that is somewhat fast.

    Attributes:
        final_delay_ms: from the audio that decides a final (also UtteranceEnd) to its message.
        interim_delay_ms: the same for interims and SpeechStarted.
        interim_every_ms: grid of audio time on which interims come (the vendor's: about 1000).
        segment_ms: a stretch this long becomes final without the end of speech.
        withholds_speech_final: the end of speech is never reported; UtteranceEnd still is.
        answers_finalize: False leaves Finalize without its `from_finalize` result.
        keepalive_saves_empty_stream: KeepAlive counts before any audio came.
        throttle_speed: audio is worked through at most this many times faster than real time,
            after a first second at once; 0 is no limit.
        refuse_status: HTTP status for the next `refuse_next` upgrades; each refusal counts down.
        refuse_next: how many upgrades are refused.
        answer_delay_s: wait before the upgrade is answered.
        drop_after_audio_s: the socket is cut, with no close frame, after this much audio.
        is_stalled: audio is taken and nothing is ever sent.
        garbage_after_audio_s: `garbage_text` is sent once after this much audio.
        garbage_text: what is sent then.
        false_starts_s: audio times at which SpeechStarted comes without words.
    """

    final_delay_ms: int = 250
    interim_delay_ms: int = 100
    interim_every_ms: int = 300
    segment_ms: int = 5_000
    withholds_speech_final: bool = False
    answers_finalize: bool = True
    keepalive_saves_empty_stream: bool = True
    throttle_speed: float = 1.25
    refuse_status: int = 503
    refuse_next: int = 0
    answer_delay_s: float = 0.0
    drop_after_audio_s: float | None = None
    is_stalled: bool = False
    garbage_after_audio_s: float | None = None
    garbage_text: str = '{"type":"Results","channel":'
    false_starts_s: tuple[float, ...] = ()


@dataclass(slots=True, kw_only=True)
class SpeakKnobs:
    """How `/v1/speak` behaves.

    Attributes:
        first_byte_delay_ms: from the text that starts a synthesis to its first audio.
        speed: audio comes this many times faster than real time.
        chunk_bytes: sizes of the audio messages, used in turn; odd on purpose.
        clear_tail_messages: audio messages already under way that still come after a Clear.
        answers_clear: False leaves Clear without Cleared.
        speaks_sentences_early: complete sentences are spoken before the Flush.
        refuse_status: HTTP status for the next `refuse_next` upgrades; each refusal counts down.
        refuse_next: how many upgrades are refused.
        answer_delay_s: wait before the upgrade is answered.
        drop_after_audio_s: the socket is cut, with no close frame, after this much audio was sent.
        is_stalled: text is taken and no audio ever comes.
        stall_after_audio_s: audio stops after this much, for ever.
        garbage_after_audio_s: `garbage_text` is sent once after this much audio.
        garbage_text: what is sent then.
    """

    first_byte_delay_ms: int = 0
    speed: float = 4.0
    chunk_bytes: tuple[int, ...] = (1_371, 640, 1_999, 873, 1_600)
    clear_tail_messages: int = 1
    answers_clear: bool = True
    speaks_sentences_early: bool = False
    refuse_status: int = 503
    refuse_next: int = 0
    answer_delay_s: float = 0.0
    drop_after_audio_s: float | None = None
    is_stalled: bool = False
    stall_after_audio_s: float | None = None
    garbage_after_audio_s: float | None = None
    garbage_text: str = '{"type":"Flushed",'
