"""A caller is put through: somebody takes the call, or the agent takes the caller back."""

from __future__ import annotations

from tests.net.media_client import new_call_sid, post, voice_form
from tests.net.rig import Model, Rig, running, until
from tests.net.shop import MARIA, MemoryJournal
from voicecore.sandbox.caller import ScriptedCaller
from voicecore.sandbox.heard_truth import heard_speeches
from voicecore.sandbox.openai_reply import Reply, ToolCall
from voicecore.sandbox.twilio_call import CallStatus, DialResult, PlacedCall

PERSON = "+13125550111"
SETTINGS = {"transfer_number": PERSON}


def asks_for_a_person() -> Model:
    return Model(
        Reply("One moment.", (ToolCall("transfer_to_human", {"reason": "a bill is wrong"}),)),
        Reply("I put you through."),
        Reply("We open at eight."),
    )


async def asks(caller: ScriptedCaller) -> None:
    await caller.hears_agent(3)
    await caller.press("0#", gap_ms=40)


def heard(rig: Rig, call: PlacedCall) -> list[str]:
    return [speech.text for speech in heard_speeches(rig.spoken(), call.record.heard())]


async def test_whoever_picks_up_is_told_first_and_the_call_is_theirs(redis_url: str) -> None:
    journal = MemoryJournal()
    async with running(redis_url, asks_for_a_person(), settings=SETTINGS, journal=journal) as rig:
        rig.twilio.dial_results[PERSON] = DialResult(talk_s=0.1)
        caller = rig.caller()
        call = await rig.ring(caller)
        await asks(caller)
        assert await rig.over(call) is CallStatus.COMPLETED
        assert call.dialed == [PERSON] and not call.problems
        (told,) = call.whispers
        assert "not identified" in told and "a bill is wrong" in told
        assert len(call.streams) == 1 and len(rig.parts.handovers) == 0
        assert [outcome for _, outcome in journal.ended] == ["transfer"]


async def test_the_caller_is_taken_back_where_the_talk_was(redis_url: str) -> None:
    journal = MemoryJournal()
    model = asks_for_a_person()
    async with running(
        redis_url, model, settings=SETTINGS, journal=journal, transfer_ring_s=5
    ) as rig:
        rig.twilio.dial_results[PERSON] = DialResult(status="no-answer", ring_s=0.2)
        caller = rig.caller()
        call = await rig.ring(caller)
        await asks(caller)
        await until(lambda: len(call.streams) == 2, 10)
        await caller.hears_agent(5)
        await caller.press("7#", gap_ms=40)
        await until(lambda: len(rig.openai.requests) >= 3, 10)
        await caller.hears_agent(5)
        await until(lambda: "We open at eight." in heard(rig, call), 10)
        await caller.hang_up()
        assert await rig.over(call) is CallStatus.COMPLETED
        assert call.dialed == [PERSON] and call.whispers == [] and not call.problems
        # The model knows what was said before, and that nobody answered.
        assert model.heard == ["0", "7"]
        last = str(rig.openai.requests[-1])
        assert "nobody answered" in last and "a bill is wrong" in last
        assert "Back with you." in heard(rig, call)
        # The replies count on, so that no row of the first part is written over.
        callers = {turn: text for turn, role, text in journal.turns if role == "caller"}
        assert sorted(callers.values()) == ["0", "7"] and len(callers) == 2
        assert max(callers) > min(callers) + 1
        assert [outcome for _, outcome in journal.ended] == ["transfer", "caller"]
        assert len(rig.parts.handovers) == 0


async def test_a_person_who_hangs_up_on_the_whisper_has_not_taken_the_call(redis_url: str) -> None:
    async with running(redis_url, asks_for_a_person(), settings=SETTINGS) as rig:
        rig.twilio.dial_results[PERSON] = DialResult(hears_out=False)
        caller = rig.caller()
        call = await rig.ring(caller)
        await asks(caller)
        await until(lambda: len(call.streams) == 2, 10)
        await caller.hears_agent(5)
        await caller.hang_up()
        await rig.over(call)


async def test_nobody_is_asked_twice(redis_url: str) -> None:
    transfer = ToolCall("transfer_to_human", {"reason": "again"})
    model = Model(
        Reply("One moment.", (transfer,)),
        Reply("I put you through."),
        Reply("", (transfer,)),
        Reply("Nobody is there."),
    )
    async with running(redis_url, model, settings=SETTINGS) as rig:
        rig.twilio.dial_results[PERSON] = DialResult(status="busy")
        caller = rig.caller()
        call = await rig.ring(caller)
        await asks(caller)
        await until(lambda: len(call.streams) == 2, 10)
        await caller.hears_agent(5)
        await caller.press("0#", gap_ms=40)
        await until(lambda: "Nobody is there." in heard(rig, call), 10)
        await caller.hang_up()
        await rig.over(call)
        assert call.dialed == [PERSON]
        assert "nobody_available" in str(rig.openai.requests[-1])


async def test_results_of_transfers_that_make_no_sense_open_nothing(redis_url: str) -> None:
    async with running(redis_url, clips=False, settings=SETTINGS) as rig:
        call_sid = new_call_sid()
        missed = {"DialCallStatus": "no-answer", "CallStatus": "in-progress"}
        status, _ = await post(rig, "/transfer-result", voice_form(call_sid, **missed))
        assert status == 404
        rig.parts.phone_events.calls.add(call_sid)  # type: ignore[attr-defined]
        for _ in range(3):
            status, body = await post(rig, "/transfer-result", voice_form(call_sid, **missed))
            assert status == 200 and "<Stream" not in body
        status, _ = await post(
            rig, f"/transfer-whisper?call={new_call_sid()}", voice_form(call_sid)
        )
        assert status == 404
        for query in ("", "?call=", "?call=CA1", f"?call={call_sid}%00"):
            status, _ = await post(rig, f"/transfer-whisper{query}", voice_form(call_sid))
            assert status == 400, query
        status, body = await post(
            rig, f"/transfer-whisper?call={call_sid}", voice_form(new_call_sid())
        )
        assert status == 200 and MARIA not in body
        assert not len(rig.parts.prepared) and rig.deepgram.opened_total == 0
