"""Speech that needs nobody: texts rendered once, in the agent's voice, kept as µ-law.

The greeting and the reducer's own phrases are known before anybody calls; with a clip at hand
the first word needs no synthesis, and an apology can be spoken while the speaker is down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

import structlog

from voicecore.net.speak import DeepgramSpeaker

log = structlog.get_logger()

RENDER_TIMEOUT_S = 20.0


class SpeakerMaker(Protocol):
    """Makes a speaker from its three callbacks."""

    def __call__(
        self,
        on_audio: Callable[[bytes, str], None],
        on_flushed: Callable[[str], None],
        on_failed: Callable[[str, str], None],
    ) -> DeepgramSpeaker[str]: ...


async def render_clips(texts: Iterable[str], make_speaker: SpeakerMaker) -> Mapping[str, bytes]:
    """Synthesise every text once; a text that fails or is late is left out and logged."""
    wanted = [text for text in dict.fromkeys(texts) if text]
    if not wanted:
        return MappingProxyType({})
    audio: dict[str, bytearray] = {text: bytearray() for text in wanted}
    whole: set[str] = set()
    left = set(wanted)
    done = asyncio.Event()

    def settle(token: str) -> None:
        left.discard(token)
        if not left:
            done.set()

    def flushed(token: str) -> None:
        whole.add(token)
        settle(token)

    def failed(token: str, reason: str) -> None:
        log.warning("clip_failed", reason=reason)
        settle(token)

    speaker = make_speaker(lambda chunk, token: audio[token].extend(chunk), flushed, failed)
    try:
        async with asyncio.timeout(RENDER_TIMEOUT_S):
            if await speaker.open():
                for text in wanted:
                    speaker.say(text, text)
                await done.wait()
    except TimeoutError:
        log.warning("clips_late", missing=len(left))
    finally:
        await speaker.close()
    return MappingProxyType({text: bytes(audio[text]) for text in wanted if text in whole})
