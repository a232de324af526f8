"""Texts that are rendered once, whatever the speaker does."""

from __future__ import annotations

import pytest
import structlog

from tests.net.rig import running
from voicecore.net import clips as module
from voicecore.net.clips import render_clips


async def test_every_text_is_rendered_once(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        texts = ["Hello.", "Goodbye.", "Hello.", ""]
        clips = await render_clips(texts, rig.factory._speaker)
        assert list(clips) == ["Hello.", "Goodbye."]
        spoken = {speech.text: speech.audio for speech in rig.spoken()}
        assert dict(clips) == spoken


async def test_no_text_needs_no_connection(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        assert not await render_clips([], rig.factory._speaker)
        assert rig.deepgram.opened_total == 0


async def test_without_a_speaker_there_are_no_clips(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        rig.deepgram.speak.knobs.refuse_next = 10
        assert not await render_clips(["Hello."], rig.factory._speaker)
        assert not rig.deepgram.speak_connections


async def test_a_text_that_fails_is_left_out(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        rig.deepgram.speak.knobs.drop_after_audio_s = 0.05
        with structlog.testing.capture_logs() as logs:
            clips = await render_clips(["Hello there, everybody."], rig.factory._speaker)
        assert not clips
        assert [line["event"] for line in logs if line["log_level"] == "warning"].count(
            "clip_failed"
        ) == 1


async def test_a_speaker_that_takes_too_long_is_left(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENDER_TIMEOUT_S", 0.2)
    async with running(redis_url, clips=False) as rig:
        rig.deepgram.speak.knobs.is_stalled = True
        with structlog.testing.capture_logs() as logs:
            clips = await render_clips(["Hello.", "Goodbye."], rig.factory._speaker)
        rig.deepgram.speak.knobs.is_stalled = False
        assert not clips
        assert next(line for line in logs if line["event"] == "clips_late")["missing"] == 2
