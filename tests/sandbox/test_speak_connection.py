"""`/v1/speak` on the wire: text in, audio and fences out, limits, endings and ordered faults.

Source: Deepgram, Text to Speech Streaming reference; Flush; Clear; TTS limits.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.sandbox.deepgram_rig import (
    SPEAK,
    Client,
    connected,
    sandbox,
    types_of,
)
from voicecore.sandbox.deepgram_knobs import SpeakKnobs
from voicecore.sandbox.speak_connection import SpeakLimits

SENTENCE = "Thursday at two p.m. is free. Shall I book it?"


async def _say(client: Client, text: str) -> None:
    await client.control("Speak", text=text)
    await client.control("Flush")


def _audio(messages: list[Any]) -> bytes:
    return b"".join(m for m in messages if isinstance(m, bytes))


def _closed(messages: list[Any]) -> tuple[int, str]:
    last = messages[-1]
    return last["code"], last["reason"] or ""


async def test_metadata_comes_first() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        opening = await client.next()
        assert opening["request_id"] == client.ws._response.headers["dg-request-id"]
    assert set(opening) == {
        "type", "request_id", "model_name", "model_version", "model_uuid", "additional_model_uuids"
    }  # fmt: skip


async def test_pieces_are_joined_and_flushed_follows_the_last_byte() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        for piece in ("Thurs", "day at two ", "p.m. is free. ", "Shall I book it?"):
            await client.control("Speak", text=piece)
        await client.control("Flush")
        await _say(client, "Bye.")
        seen = await client.until("Flushed", sequence_id=1)
        spoken = server.speak_connections[0].spoken
    assert [speech.text for speech in spoken] == [SENTENCE, "Bye."]
    assert _audio(seen) == spoken[0].audio + spoken[1].audio
    first = seen.index({"type": "Flushed", "sequence_id": 0})
    assert _audio(seen[:first]) == spoken[0].audio
    assert any(len(m) % 160 for m in seen[:first] if isinstance(m, bytes))


async def test_no_flush_no_audio_unless_sentences_are_spoken_early() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        await client.until("Metadata")
        await client.control("Speak", text="One. Two")
        assert await client.nothing()
        server.speak.knobs.speaks_sentences_early = True
        await client.control("Speak", text=" three. And")
        assert isinstance(await client.next(), bytes)
        await client.control("Flush")
        await client.until("Flushed")
        texts = [speech.text for speech in server.speak_connections[0].spoken]
    assert texts == ["One. Two three. ", "And"]


async def test_flush_of_nothing_is_flushed() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        await client.control("Flush")
        assert types_of(await client.until("Flushed")) == ["Metadata", "Flushed"]
        assert server.speak_connections[0].segments == []


async def test_audio_comes_at_the_ordered_multiple_of_real_time() -> None:
    clock = asyncio.get_running_loop().time
    async with sandbox() as server:
        server.speak.knobs.speed = 8.0
        server.speak.knobs.first_byte_delay_ms = 150
        async with connected(server.speak_url, SPEAK) as client:
            await client.until("Metadata")
            begin = clock()
            await _say(client, SENTENCE)
            assert isinstance(await client.next(), bytes)
            assert 0.15 <= clock() - begin < 2
            await client.until("Flushed")
            took_s = clock() - begin
            (speech,) = server.speak_connections[0].spoken
    assert 0 < took_s - 0.15 - speech.duration_ms / 8_000 + 0.03 < 2


@pytest.mark.parametrize("tail", [0, 1, 3])
async def test_clear_cuts_after_the_tail_and_fences_the_next_reply(tail: int) -> None:
    async with sandbox() as server:
        server.speak.knobs.speed = 2.0
        server.speak.knobs.clear_tail_messages = tail
        async with connected(server.speak_url, SPEAK) as client:
            await client.until("Metadata")
            await _say(client, SENTENCE)
            await _say(client, "Never heard.")
            await client.next()
            await client.next()
            await client.control("Clear")
            server.speak.knobs.speed = 0.0
            await _say(client, "Sorry?")
            cleared = await client.until("Cleared")
            after = await client.until("Flushed")
            segments = server.speak_connections[0].segments
    assert types_of(cleared) in (
        ["audio"] * tail + ["Cleared"],
        ["audio"] * (tail + 1) + ["Cleared"],
    )
    assert [(s.speech.text, s.is_cleared) for s in segments] == [
        (SENTENCE, True),
        ("Sorry?", False),
    ]
    assert 0 < segments[0].sent_bytes < len(segments[0].speech.audio)
    assert _audio(after) == segments[1].speech.audio


async def test_clear_forgets_text_that_was_not_flushed_and_always_answers() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        await client.control("Speak", text="Forget me.")
        await client.control("Clear")
        await client.control("Clear")
        await client.control("Flush")
        seen = await client.until("Flushed")
    assert types_of(seen) == ["Metadata", "Cleared", "Cleared", "Flushed"]


async def test_clear_can_stay_unanswered() -> None:
    async with sandbox() as server:
        server.speak.knobs.answers_clear = False
        async with connected(server.speak_url, SPEAK) as client:
            await client.control("Clear")
            await client.control("Flush")
            assert types_of(await client.until("Flushed")) == ["Metadata", "Flushed"]


async def test_close_plays_what_was_flushed_and_drops_the_rest() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        await _say(client, "Goodbye.")
        await client.control("Speak", text="Unflushed.")
        await client.control("Close")
        seen = await client.until("closed")
        (speech,) = server.speak.history[0].spoken
    assert _audio(seen) == speech.audio
    assert _closed(seen)[0] == 1000


async def test_too_many_flushes_earn_a_warning_and_the_text_waits() -> None:
    async with (
        sandbox(limits=SpeakLimits(flushes=2, flush_window_s=0.3)) as server,
        connected(server.speak_url, SPEAK) as client,
    ):
        await client.control("Flush")
        await client.control("Flush")
        await client.until("Flushed", sequence_id=1)
        await _say(client, "Wait.")
        assert (await client.until("Warning"))[-1]["code"] == "EXCESSIVE_FLUSH"
        await asyncio.sleep(0.35)
        await client.control("Flush")
        await client.until("Flushed")
        assert [speech.text for speech in server.speak_connections[0].spoken] == ["Wait."]


async def test_two_thousand_characters_pass_and_one_more_closes() -> None:
    async with sandbox() as server:
        async with connected(server.speak_url, SPEAK) as client:
            await client.control("Speak", text="x" * 2_000)
            await client.control("Clear")
            await client.until("Cleared")
        async with connected(server.speak_url, SPEAK) as client:
            await client.control("Speak", text="x" * 2_001)
            code, reason = _closed(await client.until("closed"))
    assert code == 1009
    assert "big0001" in reason


async def test_more_characters_than_the_throughput_close_the_connection() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        await client.control("Speak", text="x" * 2_000)
        await client.control("Speak", text="x" * 401)
        code, reason = _closed(await client.until("closed"))
    assert code == 1008
    assert "data0001" in reason


@pytest.mark.parametrize(
    "text", ['{"type":"Reset"}', "{", "[]", '{"type":"Speak"}', '{"type":"Speak","text":1}']
)
async def test_an_unknown_message_closes_with_1008(text: str) -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        await client.ws.send_str(text)
        assert _closed(await client.until("closed"))[0] == 1008


async def test_a_binary_message_closes_with_1003() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        await client.ws.send_bytes(b"Speak")
        assert _closed(await client.until("closed"))[0] == 1003


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (SpeakLimits(first_text_s=0.15), "net0001"),
        (SpeakLimits(longest_s=0.15), "net0003"),
    ],
)
async def test_idle_and_old_connections_are_closed_with_1011(
    limits: SpeakLimits, name: str
) -> None:
    async with sandbox(limits=limits) as server, connected(server.speak_url, SPEAK) as client:
        if name == "net0003":
            await client.control("Flush")
        code, reason = _closed(await client.until("closed"))
    assert code == 1011
    assert name in reason


async def test_the_speed_parameter_makes_shorter_speech() -> None:
    sizes = []
    async with sandbox() as server:
        for speed in ("1.0", "1.4"):
            async with connected(server.speak_url, {**SPEAK, "speed": speed}) as client:
                await _say(client, SENTENCE)
                sizes.append(len(_audio(await client.until("Flushed"))))
    assert sizes[1] < 0.85 * sizes[0]


async def test_a_scripted_drop_cuts_the_socket_after_that_much_audio() -> None:
    async with sandbox() as server:
        server.speak.script_next(SpeakKnobs(drop_after_audio_s=0.5, speed=20.0))
        async with connected(server.speak_url, SPEAK) as client:
            await _say(client, SENTENCE)
            seen = await client.until("closed")
        assert _closed(seen)[0] == 1006
        assert server.speak.history[0].segments[0].sent_bytes < 8_000
        async with connected(server.speak_url, SPEAK) as client:
            await _say(client, "Again.")
            await client.until("Flushed")


async def test_connections_can_be_dropped_and_closed_one_by_one() -> None:
    async with (
        sandbox() as server,
        connected(server.speak_url, SPEAK) as first,
        connected(server.speak_url, SPEAK) as second,
    ):
        await first.until("Metadata")
        await second.until("Metadata")
        server.speak_connections[0].drop()
        server.speak_connections[1].close(1011, "dpgr.am/net0000")
        assert _closed(await first.until("closed"))[0] == 1006
        assert _closed(await second.until("closed")) == (1011, "dpgr.am/net0000")


async def test_a_stall_stops_the_audio_and_can_end() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        server.speak.knobs.stall_after_audio_s = 0.3
        await _say(client, SENTENCE)
        await client.until("Metadata")
        while not await client.nothing():
            pass
        assert 2_400 <= server.speak_connections[0].sent_bytes < 8_000
        server.speak.knobs.stall_after_audio_s = None
        await client.until("Flushed")


async def test_garbage_comes_between_the_audio() -> None:
    async with sandbox() as server, connected(server.speak_url, SPEAK) as client:
        server.speak.knobs.garbage_after_audio_s = 0.2
        await _say(client, SENTENCE)
        seen = await client.until("Flushed")
    assert types_of(seen).count("garbage") == 1
    assert types_of(seen).index("garbage") < types_of(seen).index("Flushed") - 1
