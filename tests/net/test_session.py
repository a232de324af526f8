"""Whole calls over real sockets: whoever hangs up, whenever, and faults of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.net.media_client import (
    media_socket,
    post,
    prepared_call,
    started_stream,
    voice_form,
)
from tests.net.rig import CUT_OFF, Model, Rig, heard_sound, running, until
from tests.net.shop import MARIA, MemoryJournal, OneBay, OneCustomer
from voicecore.call.events import HangupCause
from voicecore.sandbox.caller import CallOverError, ScriptedCaller
from voicecore.sandbox.heard_truth import heard_speeches
from voicecore.sandbox.openai_reply import Reply, ToolCall
from voicecore.sandbox.twilio import SilentCaller
from voicecore.sandbox.twilio_call import PlacedCall
from voicecore.sandbox.twilio_faults import CallFaults, LineConditions, Stall

LONG = "We are open from eight in the morning until six in the evening, every day but Sunday."
QUESTION = "Wait, when do you open?"


async def ask(caller: ScriptedCaller) -> None:
    """Ask something by key: it interrupts the greeting and is a whole turn at once."""
    await caller.hears_agent(3)
    await caller.press("5#", gap_ms=40)


def texts_heard(rig: Rig, call: PlacedCall) -> list[str]:
    return [speech.text for speech in heard_speeches(rig.spoken(), call.record.heard())]


# --- the caller hangs up -------------------------------------------------------------------------


async def in_the_greeting(rig: Rig, caller: ScriptedCaller) -> None:
    await caller.hears_agent(3)
    await caller.wait(200)


async def while_speaking(rig: Rig, caller: ScriptedCaller) -> None:
    async with asyncio.TaskGroup() as group:
        saying = group.create_task(caller.interrupt(QUESTION, after_ms=200, timeout_s=3))
        await until(lambda: bool(rig.events("barge_in")))
        saying.cancel()


async def while_the_model_thinks(rig: Rig, caller: ScriptedCaller) -> None:
    rig.openai.first_token_delay_s = 0.35
    await ask(caller)
    await until(lambda: bool(rig.openai.requests))


async def while_the_model_streams(rig: Rig, caller: ScriptedCaller) -> None:
    rig.openai.token_delay_s = 0.3
    await ask(caller)
    await until(lambda: bool(rig.openai.requests))
    await caller.wait(400)


async def while_the_agent_speaks(rig: Rig, caller: ScriptedCaller) -> None:
    await ask(caller)
    await until(lambda: bool(rig.events("turn_latency", turn=1)))
    await caller.wait(300)


HANG_UPS: dict[str, Callable[[Rig, ScriptedCaller], Awaitable[None]]] = {
    "in the greeting": in_the_greeting,
    "while the caller speaks": while_speaking,
    "while the model thinks": while_the_model_thinks,
    "while the model streams": while_the_model_streams,
    "while the agent speaks": while_the_agent_speaks,
}


@pytest.mark.parametrize("moment", HANG_UPS)
async def test_a_caller_who_hangs_up_leaves_nothing_behind(redis_url: str, moment: str) -> None:
    journal = MemoryJournal()
    async with running(redis_url, Model(Reply(LONG)), journal=journal) as rig:
        caller = rig.caller(QUESTION)
        call = await rig.ring(caller)
        await HANG_UPS[moment](rig, caller)
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")
        assert journal.started == [call.call_sid]
        assert journal.ended == [(call.call_sid, "caller")]
        assert journal.stats[0]["prompt_version"]
        aborted = rig.openai.counters.aborted
        assert aborted == (moment in ("while the model thinks", "while the model streams"))
        snapshot = await rig.redis.hgetall(f"session:{{{call.call_sid}}}")
        assert snapshot["phase"] == "ended"
        assert not call.problems


async def test_a_caller_may_hang_up_before_the_stream_begins(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        call = await rig.ring(SilentCaller())
        call.hang_up()
        await call.ended(5)
        rig.parts.prepared.drop(call.call_sid)
        await rig.nothing_left()
        assert len(rig.events("call_ended")) <= 1


async def test_a_goodbye_may_be_cut_by_the_caller(redis_url: str) -> None:
    model = Model(Reply(calls=(ToolCall("end_call", {}),)), Reply(f"{LONG} Goodbye."))
    async with running(redis_url, model) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await until(lambda: bool(rig.events("turn_latency", turn=1)))
        await caller.wait(300)
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")


async def test_the_agent_hangs_up_after_its_goodbye_was_heard(redis_url: str) -> None:
    model = Model(Reply(calls=(ToolCall("end_call", {}),)), Reply("Goodbye then."))
    async with running(redis_url, model) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await rig.over(call)
        assert rig.ending() == ("agent", "the agent is done")
        assert texts_heard(rig, call)[-1] == "Goodbye then."
        assert call.streams[0].close_code == 1000
        assert call.said == []
        assert [run.verb.name for run in call.verbs] == ["Connect", "Hangup"]


def booking_model() -> Model:
    """Looks up, finds times, holds one, reads it back and books it after whatever is said."""
    # Behind the two weeks that the demonstration's data fills.
    quiet_day = (datetime.now(UTC) + timedelta(days=16)).date().isoformat()
    look_up = ToolCall("lookup_customer", {"phone": MARIA, "name": None, "plate": None})
    search = ToolCall(
        "get_available_slots", {"service": "oil_change", "from": quiet_day, "part_of_day": "any"}
    )

    class Booking(Model):
        slot = ""

        def __call__(self, messages: Any, tools: Any) -> Reply:
            last = messages[-2]
            result = orjson.loads(last["content"]) if last["role"] == "tool" else {}
            assert "error" not in result, result
            if result.get("status") == "read_back":
                return Reply(str(result["say"]))
            if "slots" in result:
                offers = result["slots"]
                (self.slot, *_) = [i["slot"] for i in offers if ":00:00" in i["start"]]
            if self.slot:
                wish = {"slot": self.slot, "service": "oil_change", "vehicle": "vehicle_1"}
                return Reply(calls=(ToolCall("book_appointment", wish),))
            return Reply(calls=(search if result else look_up,))

    return Booking()


async def read_back(rig: Rig, caller: ScriptedCaller) -> None:
    """Bring the call to the read-back of a booking, heard to its end."""
    await ask(caller)
    await until(lambda: any("Shall I book" in speech.text for speech in rig.spoken()))
    await caller.hears_agent(3)
    await caller.agent_done(quiet_ms=300, timeout_s=15)


@pytest.mark.slow
async def test_a_booking_that_runs_when_the_caller_hangs_up_is_completed(redis_url: str) -> None:
    schedule, journal = OneBay(confirm_delay_s=0.7), MemoryJournal()
    async with running(redis_url, booking_model(), schedule=schedule, journal=journal) as rig:
        caller = rig.caller("Yes, please.")
        call = await rig.ring(caller)
        await read_back(rig, caller)
        assert len(schedule.held) == 1
        await caller.say("Yes, please.")
        async with asyncio.timeout(5):
            await schedule.confirming.wait()
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")
        assert not schedule.held
        assert [entry.status for entry in schedule.booked.values()] == ["confirmed"]
        # The row that is left says what was done.
        used = [item for detail in journal.details for item in detail.values()]
        assert {"name": "book_appointment", "ok": True}.items() <= used[-1].items()  # type: ignore[attr-defined]


async def test_a_slot_that_is_only_held_is_given_back_when_the_caller_hangs_up(
    redis_url: str,
) -> None:
    schedule = OneBay()
    async with running(redis_url, booking_model(), schedule=schedule) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await until(lambda: bool(schedule.held))
        await caller.hang_up()
        await rig.over(call)
        assert not schedule.held and not schedule.booked


# --- the socket is lost -------------------------------------------------------------------------


async def test_a_socket_that_dies_without_stop_is_apologised_for(redis_url: str) -> None:
    async with running(redis_url) as rig:
        call = await rig.ring(faults=CallFaults(drop_at_ms=400))
        await rig.over(call)
        assert call.streams[0].close_code == 1006
        assert call.said[0] == CUT_OFF
        assert rig.ending() == ("socket_lost", "closed without stop")
        assert heard_sound(call)


async def test_a_line_without_frames_is_given_up(redis_url: str) -> None:
    """Twilio sends silence too: nothing at all for a second (20 in production) is a dead peer."""
    async with running(redis_url) as rig:
        stall = LineConditions(stalls=(Stall(at_ms=300, hold_ms=2500),))
        call = await rig.ring(line=stall)
        await rig.over(call)
        assert rig.ending() == ("socket_lost", "no media")
        assert call.said[0] == CUT_OFF


async def test_a_peer_that_takes_no_more_audio_is_let_go(redis_url: str) -> None:
    def is_blocked() -> bool:
        raise TimeoutError

    async with running(redis_url) as rig:
        async with started_stream(rig) as (client, call_sid):
            await client.media()
            await until(lambda: call_sid in rig.parts.live)
            socket = rig.session(call_sid)._socket
            assert socket is not None
            socket.is_blocked = is_blocked  # type: ignore[method-assign]
            await client.closed()
        await rig.nothing_left()
        assert rig.ending() == ("socket_lost", "the peer takes no more audio")


async def test_twilio_may_know_of_the_end_before_we_do(redis_url: str) -> None:
    async with running(redis_url) as rig:
        async with started_stream(rig) as (client, call_sid):
            await client.media()
            await until(lambda: call_sid in rig.parts.live)
            status, body = await post(rig, "/call-resume", voice_form(call_sid))
            assert status == 200 and "technical problem" in body
            await client.closed()
        await rig.nothing_left()
        assert rig.ending() == ("socket_lost", "Twilio asks what comes next")


# --- faults of our own --------------------------------------------------------------------------


class BrokenObserver:
    """Fails at everything, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __getattr__(self, name: str) -> Callable[..., None]:
        def fail(*_: object) -> None:
            self.asked += 1
            raise RuntimeError(f"the disk is full at {name}")

        return fail


async def test_an_observer_that_fails_does_not_disturb_the_call(redis_url: str) -> None:
    observer = BrokenObserver()
    async with running(redis_url, observers=lambda _: observer) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await until(lambda: bool(rig.events("turn_latency", turn=1)))
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")
        assert observer.asked == 1
        assert len(rig.events("observer_failed")) == 1


async def test_observers_that_cannot_be_made_do_not_stop_a_call(redis_url: str) -> None:
    def refuse(_: object) -> Any:
        raise OSError("read-only file system")

    async with running(redis_url, observers=refuse) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await caller.hears_agent(3)
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")
        assert len(rig.events("observer_failed")) == 1


async def test_a_fault_while_stepping_ends_this_call_with_a_spoken_reason(redis_url: str) -> None:
    async with running(redis_url) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await caller.hears_agent(3)
        rig.session(call.call_sid)._speech.clear = None  # type: ignore[assignment,method-assign]
        await caller.press("5")
        await rig.over(call)
        assert rig.ending() == ("failure", "a fault of our own at DigitPressed")
        assert call.said[0] == CUT_OFF
        assert len(rig.events("call_broke")) == 1


async def test_a_message_that_cannot_be_digested_ends_the_call_with_a_spoken_reason(
    redis_url: str,
) -> None:
    async with running(redis_url) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await caller.hears_agent(3)
        rig.session(call.call_sid)._speech.mark_echoed = None  # type: ignore[assignment,method-assign]
        await rig.over(call)
        assert rig.ending() == ("failure", "a fault of our own while reading")
        assert call.said[0] == CUT_OFF
        assert len(rig.events("call_broke")) == 1


async def test_a_task_of_the_call_that_fails_ends_it_with_a_spoken_reason(redis_url: str) -> None:
    async with running(redis_url) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await caller.hears_agent(3)
        session = rig.session(call.call_sid)
        session._parts.conversation.request = None  # type: ignore[assignment,method-assign]
        await caller.press("5#", gap_ms=20)
        await rig.over(call)
        assert rig.ending() == ("failure", "a fault of our own in reply_1")
        assert call.said[0] == CUT_OFF
        assert len(rig.events("call_task_failed")) == 1


async def test_a_fault_before_the_stream_is_heard_as_an_apology(redis_url: str) -> None:
    async with running(redis_url) as rig:
        call_sid, ticket = await prepared_call(rig)
        (waiting,) = rig.parts.prepared._waiting.values()
        waiting.session._task_failed("open_listener", RuntimeError("out of memory"))
        async with media_socket(rig) as client:
            await client.start(call_sid, ticket)
            assert await client.closed() == 1000
        await rig.nothing_left()
        assert rig.parts.live.end_of(call_sid) is HangupCause.FAILURE
        assert rig.ending() == ("failure", "a fault of our own in open_listener")


async def test_what_only_helps_may_fail(redis_url: str) -> None:
    """The CRM is down while it rings: the call begins all the same."""
    directory = OneCustomer()
    directory.failure = ConnectionError("refused")
    async with running(redis_url, directory=directory) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await caller.hears_agent(3)
        session = rig.session(call.call_sid)
        session._side_task_failed("prefetch", RuntimeError("a bug"))
        await caller.wait(100)
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")


async def test_a_journal_that_fails_is_one_log_line(redis_url: str) -> None:
    class Unheard(Exception):
        pass

    journal = MemoryJournal(failure=Unheard("an error of another package"))
    async with running(redis_url, journal=journal) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await until(lambda: bool(rig.events("turn_latency", turn=1)))
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")
        assert rig.events("journal_write_failed", reason="Unheard")


async def test_a_worker_that_stops_lets_the_calls_say_goodbye(redis_url: str) -> None:
    async with running(redis_url) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await until(lambda: bool(rig.events("turn_latency", turn=1)))
        rig.parts.draining = True
        draining = rig.parts.live.drain(8)
        assert await draining
        await rig.over(call)
        assert rig.ending() == ("shutdown", "the agent is done")
        assert texts_heard(rig, call)[-1] == "Goodbye."
        assert call.said == []


async def test_a_cancelled_handler_still_gives_everything_back(redis_url: str) -> None:
    async with running(redis_url) as rig:
        caller = rig.caller()
        call = await rig.ring(caller)
        await caller.hears_agent(3)
        await rig.runner.cleanup()
        with pytest.raises(CallOverError):
            await caller.agent_done(timeout_s=5)
        await rig.over(call)
        assert rig.ending()[0] == "socket_lost"


async def test_a_voice_whose_frames_stop_coming_is_closed(redis_url: str) -> None:
    async with running(redis_url) as rig:
        caller = rig.caller(QUESTION)
        stall = LineConditions(stalls=(Stall(at_ms=1500, hold_ms=700),))
        call = await rig.ring(caller, line=stall)
        async with asyncio.TaskGroup() as group:
            group.create_task(caller.interrupt(QUESTION, after_ms=500, timeout_s=3))
            await until(lambda: call.call_sid in rig.parts.live._sessions)
            session = rig.session(call.call_sid)
            await until(lambda: session._state.caller.voice_at is not None)
            began_at = session._state.caller.voice_at
            await until(lambda: session._state.caller.voice_at is None)
            assert began_at is not None
        await until(lambda: rig.model.heard == [QUESTION], 6)
        await caller.hang_up()
        await rig.over(call)
