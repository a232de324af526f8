"""`/v1/listen` on the wire: results, control messages, endings and ordered faults.

Source: Deepgram, Live Streaming Audio reference; Endpointing; Finalize; Audio Keep Alive.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import pytest

from tests.sandbox.deepgram_rig import (
    BOOKING,
    LISTEN,
    STRANGER,
    YES,
    Client,
    connected,
    results_of,
    sandbox,
    silence,
    types_of,
    words_of,
)
from voicecore.sandbox.deepgram_knobs import ListenKnobs

FAST: dict[str, Any] = {"final_delay_ms": 0, "interim_delay_ms": 0, "throttle_speed": 0.0}


async def test_nothing_is_sent_on_open() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        assert await client.nothing()
        assert server.listen_connections[0].sent == []


async def test_interims_grow_and_finals_have_every_word_once() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.audio(BOOKING.audio + silence(1_200), chunk_bytes=333)
        seen = await client.until("UtteranceEnd")
    assert words_of(seen) == BOOKING.text.split()
    interims = [m for m in results_of(seen) if not m["is_final"]]
    assert len(interims) >= 6
    at = 0.0
    for message in results_of(seen):
        assert message["start"] == pytest.approx(at)
        if message["is_final"]:
            at = message["start"] + message["duration"]
    first = types_of(seen).index("Results")
    assert types_of(seen)[:first] == ["SpeechStarted"]
    assert results_of(seen)[-1]["speech_final"]


async def test_a_result_has_the_vendors_shape_and_the_streams_clock() -> None:
    lead_ms = 1_000
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.audio(silence(lead_ms) + YES.audio + silence(500))
        final = (await client.until("Results", speech_final=True))[-1]
        request_id = client.ws._response.headers["dg-request-id"]
    assert set(final) == {
        "type", "channel_index", "duration", "start", "is_final", "speech_final", "channel",
        "metadata", "from_finalize",
    }  # fmt: skip
    alternative = final["channel"]["alternatives"][0]
    assert alternative["transcript"] == "Yes, please."
    yes = YES.words[0]
    assert alternative["words"][0] == {
        "word": "yes",
        "start": (yes.start_ms + lead_ms) / 1000,
        "end": (yes.end_ms + lead_ms) / 1000,
        "confidence": 0.98,
        "punctuated_word": "Yes,",
    }
    assert final["metadata"]["request_id"] == request_id
    assert final["metadata"]["model_info"]["arch"] == "nova-3"


async def test_words_are_bare_without_formatting() -> None:
    query = {**LISTEN, "smart_format": "false"}
    async with sandbox() as server, connected(server.listen_url, query) as client:
        await client.audio(YES.audio + silence(500))
        final = (await client.until("Results", speech_final=True))[-1]
    alternative = final["channel"]["alternatives"][0]
    assert alternative["transcript"] == "yes please"
    assert "punctuated_word" not in alternative["words"][0]


async def test_noise_is_speech_started_without_words() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.audio(STRANGER.audio + silence(1_500))
        await client.control("CloseStream")
        seen = await client.until("Metadata")
    assert seen[0]["type"] == "SpeechStarted"
    assert words_of(seen, only_final=False) == []
    assert "UtteranceEnd" not in types_of(seen)


async def test_vad_events_interims_and_utterance_end_come_only_when_asked() -> None:
    query = {name: LISTEN[name] for name in ("model", "encoding", "sample_rate", "endpointing")}
    async with sandbox() as server, connected(server.listen_url, query) as client:
        await client.audio(YES.audio + silence(2_500))
        await client.control("CloseStream")
        seen = await client.until("Metadata")
    assert types_of(seen) == ["Results", "Metadata"]


async def test_without_endpointing_words_become_final_and_speech_never_does() -> None:
    query = {**LISTEN, "endpointing": "false"}
    async with sandbox() as server, connected(server.listen_url, query) as client:
        await client.audio(YES.audio + silence(2_000))
        seen = await client.until("UtteranceEnd")
    finals = [m for m in results_of(seen) if m["is_final"]]
    assert [m["speech_final"] for m in finals] == [False]


async def test_long_speech_is_cut_into_finals_before_it_ends() -> None:
    async with sandbox() as server:
        server.listen.knobs.segment_ms = 1_000
        async with connected(server.listen_url, {**LISTEN, "endpointing": "500"}) as client:
            await client.audio(BOOKING.audio + silence(600))
            seen = await client.until("Results", speech_final=True)
    finals = [m for m in results_of(seen) if m["is_final"]]
    assert len(finals) >= 3
    assert words_of(seen) == BOOKING.text.split()


async def test_quiet_streams_give_empty_finals() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.audio(silence(10_000), chunk_bytes=4_000)
        await client.control("CloseStream")
        seen = await client.until("Metadata")
    finals = [(m["start"], m["is_final"], m["speech_final"]) for m in results_of(seen)]
    assert finals == [(0.0, True, False), (5.0, True, False)]


async def test_finalize_answers_with_what_was_heard_so_far() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.audio(YES.audio)
        await client.control("Finalize", channel=0)
        seen = await client.until("Results", from_finalize=True)
        assert words_of(seen) == ["Yes,", "please."]
        await client.control("Finalize")
        assert await client.nothing()


async def test_close_stream_sends_the_rest_then_metadata_then_1000() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.audio(YES.audio[:-20])
        await client.control("CloseStream")
        seen = await client.until("closed")
    assert types_of(seen)[-3:] == ["Results", "Metadata", "closed"]
    assert words_of(seen) == ["Yes,", "please."]
    metadata, closed = seen[-2:]
    assert metadata["sha256"] == hashlib.sha256(YES.audio[:-20]).hexdigest()
    assert closed["code"] == 1000


async def test_an_empty_binary_message_ends_the_stream() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.ws.send_bytes(b"")
        seen = await client.until("closed")
    assert types_of(seen) == ["Metadata", "closed"]
    assert seen[-1]["code"] == 1000


async def test_control_sent_as_binary_is_audio() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.ws.send_bytes(b'{"type":"CloseStream"}')
        assert await client.nothing()
        assert server.listen_connections[0].audio_bytes == 22


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"kind":1}', '{"type":["Finalize"]}'])
async def test_a_malformed_control_message_is_answered_and_survived(text: str) -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.ws.send_str(text)
        error = (await client.until("Error"))[-1]
        assert (error["variant"], error["message"]) == ("SchemaError", text)
        await client.audio(YES.audio)
        await client.control("Finalize")
        assert words_of(await client.until("Results", from_finalize=True)) == ["Yes,", "please."]


async def test_silence_on_the_socket_is_net_0001() -> None:
    async with (
        sandbox(idle_timeout_s=0.2) as server,
        connected(server.listen_url, LISTEN) as client,
    ):
        closed = (await client.until("closed"))[-1]
    assert closed["code"] == 1011
    assert "net0001" in closed["reason"]


@pytest.mark.parametrize("counts", [True, False])
async def test_keepalive_holds_the_stream_and_before_audio_it_depends(counts: bool) -> None:
    async with sandbox(idle_timeout_s=0.6) as server:
        server.listen.knobs.keepalive_saves_empty_stream = counts
        async with connected(server.listen_url, LISTEN) as client:
            for _ in range(8):
                if client.ws.closed:
                    break
                await client.control("KeepAlive")
                is_quiet = await client.nothing(0.1)
            assert is_quiet == counts
            if counts:
                assert server.listen_connections[0].controls == ["KeepAlive"] * 8


async def test_audio_that_cannot_be_decoded_is_data_0000() -> None:
    query = {**LISTEN, "encoding": "linear16"}
    async with sandbox() as server, connected(server.listen_url, query) as client:
        await client.audio(silence(20))
        closed = (await client.until("closed"))[-1]
    assert closed["code"] == 1008


async def test_keyterms_can_be_configured_on_nova_3_only() -> None:
    async with sandbox() as server:
        for model, kind in (("nova-3", "ConfigureSuccess"), ("nova-2", "ConfigureFailure")):
            async with connected(server.listen_url, {**LISTEN, "model": model}) as client:
                await client.control("Configure", keyterms=["brake pads"])
                await client.until(kind)


async def test_a_backlog_is_worked_off_at_the_vendors_pace() -> None:
    clock = asyncio.get_running_loop().time
    async with sandbox() as server:
        server.listen.knobs.throttle_speed = 5.0
        async with connected(server.listen_url, LISTEN) as client:
            begin = clock()
            await client.audio(silence(2_000) + YES.audio + silence(400))
            await client.until("Results", speech_final=True)
            took_s = clock() - begin
    audio_s = 2 + YES.duration_ms / 1000 + 0.3 - 1.0
    assert audio_s / 5 <= took_s < audio_s / 5 + 2


async def test_finals_are_delayed_and_keep_their_order() -> None:
    clock = asyncio.get_running_loop().time
    async with sandbox() as server:
        server.listen.knobs.final_delay_ms = 600
        async with connected(server.listen_url, LISTEN) as client:
            begin = clock()
            await client.audio(YES.audio + silence(400))
            seen = await client.until("Results", is_final=False)
            assert clock() - begin < 0.6
            seen += await client.until("Results", speech_final=True)
            assert clock() - begin >= 0.6
            sent = [m for m in server.listen_connections[0].sent if m["type"] == "Results"]
    assert results_of(seen) == sent


async def test_the_end_of_speech_can_be_withheld() -> None:
    async with sandbox() as server:
        server.listen.script_next(ListenKnobs(withholds_speech_final=True, **FAST))
        async with connected(server.listen_url, LISTEN) as client:
            await client.audio(YES.audio + silence(1_200))
            seen = await client.until("UtteranceEnd")
    assert not any(m["speech_final"] for m in results_of(seen))
    assert words_of(seen) == ["Yes,", "please."]


async def test_finalize_can_stay_unanswered() -> None:
    async with sandbox() as server:
        server.listen.knobs.answers_finalize = False
        async with connected(server.listen_url, {**LISTEN, "interim_results": "false"}) as client:
            await client.audio(YES.audio)
            await client.until("SpeechStarted")
            await client.control("Finalize")
            assert await client.nothing()


async def test_a_scripted_drop_cuts_the_socket_after_that_much_audio() -> None:
    async with sandbox() as server:
        server.listen.script_next(ListenKnobs(drop_after_audio_s=0.5, **FAST))
        async with connected(server.listen_url, LISTEN) as client:
            for _ in range(40):
                if client.ws.closed:
                    break
                try:
                    await client.audio(silence(20))
                except ConnectionError:
                    break
                await asyncio.sleep(0)
            assert (await client.until("closed"))[-1]["code"] == 1006
        async with connected(server.listen_url, LISTEN) as client:
            await _is_heard(client)


async def test_connections_can_be_dropped_closed_and_sent_garbage_one_by_one() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as first:
        async with connected(server.listen_url, LISTEN) as second:
            server.listen_connections[1].inject("{not json")
            assert await second.next() == {"type": "garbage", "text": "{not json"}
            server.listen_connections[1].close(1011, "dpgr.am/net0000")
            closed = (await second.until("closed"))[-1]
            assert (closed["code"], closed["reason"]) == (1011, "dpgr.am/net0000")
        await _is_heard(first)
        server.listen_connections[0].drop()
        assert (await first.until("closed"))[-1]["code"] == 1006


async def test_a_stall_says_nothing_and_takes_everything() -> None:
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        server.listen.knobs.is_stalled = True
        await client.audio(BOOKING.audio + silence(1_500))
        assert await client.nothing()
        assert server.listen_connections[0].audio_bytes > len(BOOKING.audio)
        server.listen.knobs.is_stalled = False
        await _is_heard(client)


async def test_garbage_and_false_starts_come_at_their_audio_time() -> None:
    async with sandbox() as server:
        knobs = ListenKnobs(garbage_after_audio_s=1.0, false_starts_s=(0.5, 2.0), **FAST)
        server.listen.script_next(knobs)
        async with connected(server.listen_url, LISTEN) as client:
            await client.audio(silence(2_100))
            seen = [await client.next() for _ in range(3)]
    assert seen[1] == {"type": "garbage", "text": ListenKnobs().garbage_text}
    assert [seen[0], seen[2]] == [
        {"type": "SpeechStarted", "channel": [0, 1], "timestamp": at} for at in (0.5, 2.0)
    ]


async def test_a_lost_frame_on_the_wire_is_a_lost_word_in_the_transcript() -> None:
    maria = next(word for word in BOOKING.words if word.text == "Maria")
    at = (maria.start_ms + maria.end_ms) // 40 * 160
    async with sandbox() as server, connected(server.listen_url, LISTEN) as client:
        await client.audio(BOOKING.audio[:at] + BOOKING.audio[at + 160 :] + silence(1_200))
        seen = await client.until("UtteranceEnd")
    assert words_of(seen) == [word for word in BOOKING.text.split() if word != "Maria"]


async def test_a_hundred_calls_are_followed_at_once() -> None:
    async with sandbox() as server, asyncio.timeout(20):

        async def call() -> list[str]:
            async with connected(server.listen_url, LISTEN) as client:
                await client.audio(YES.audio + silence(400))
                return words_of(await client.until("Results", speech_final=True))

        heard = await asyncio.gather(*(call() for _ in range(100)))
    assert heard == [["Yes,", "please."]] * 100
    assert server.listen.opened == 100


async def _is_heard(client: Client) -> None:
    await client.audio(YES.audio)
    await client.ws.send_str(json.dumps({"type": "Finalize"}))
    assert words_of(await client.until("Results", from_finalize=True))[-2:] == ["Yes,", "please."]
