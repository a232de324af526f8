"""The gate before Google: when it closes, who goes through as a trial, and when it opens."""

from __future__ import annotations

import asyncio
import logging

import pytest

from scheduler.calendar_gate import CalendarGate
from scheduler.calendar_trouble import GoogleRefusal, Trouble
from scheduler.errors import CalendarError


def quick(**options: float) -> CalendarGate:
    return CalendarGate(
        **{
            "first_pause_s": 0.02,
            "longest_pause_s": 0.04,
            "account_pause_s": 0.04,
            "longest_wait_s": 2.0,
            **options,
        }
    )


def trouble(kind: Trouble, retry_after_s: float | None = None) -> GoogleRefusal:
    return GoogleRefusal(kind.value, trouble=kind, retry_after_s=retry_after_s)


async def go(gate: CalendarGate, error: CalendarError | None = None) -> None:
    async with gate.passage():
        if error is not None:
            raise error


async def fail(gate: CalendarGate, error: CalendarError) -> None:
    with pytest.raises(CalendarError, match=error.reason):
        await go(gate, error)


@pytest.mark.parametrize("kind", [Trouble.THROTTLED, Trouble.ACCOUNT])
async def test_a_rate_limit_or_a_problem_of_the_account_closes_it_at_once(kind: Trouble) -> None:
    gate = quick()
    await fail(gate, trouble(kind))
    assert gate.is_closed
    assert kind.value in gate.problem
    await go(gate)
    assert (gate.is_closed, gate.problem) == (False, "")


async def test_silence_closes_it_only_when_it_goes_on() -> None:
    gate = quick()
    for _ in range(2):
        await fail(gate, trouble(Trouble.UNAVAILABLE))
    assert not gate.is_closed
    await go(gate)
    for _ in range(3):
        await fail(gate, trouble(Trouble.UNAVAILABLE))
    assert gate.is_closed


@pytest.mark.parametrize("kind", [Trouble.CONFLICT, Trouble.REFUSED])
async def test_an_answer_that_says_no_shows_that_google_is_there(kind: Trouble) -> None:
    gate = quick()
    await fail(gate, trouble(Trouble.THROTTLED))
    await fail(gate, trouble(kind))
    assert not gate.is_closed


async def test_one_goes_through_as_a_trial_and_the_others_wait_for_it() -> None:
    gate = quick()
    await fail(gate, trouble(Trouble.THROTTLED))
    inside, most = 0, 0
    decided = asyncio.Event()

    async def visit() -> None:
        nonlocal inside, most
        async with gate.passage():
            inside += 1
            most = max(most, inside)
            await decided.wait()
            inside -= 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(visit())
        await asyncio.sleep(0.2)
        assert (inside, most) == (1, 1)
        decided.set()
    assert not gate.is_closed


async def test_a_trial_that_fails_or_is_cancelled_leaves_the_next_one_its_turn() -> None:
    gate = quick()
    await fail(gate, trouble(Trouble.THROTTLED))
    await fail(gate, trouble(Trouble.THROTTLED))

    async def hang() -> None:
        async with gate.passage():
            await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await hang()
    assert gate.is_closed
    async with asyncio.timeout(1):
        await go(gate)
    assert not gate.is_closed


async def test_the_wait_that_google_asks_for_is_kept() -> None:
    gate = quick()
    await fail(gate, trouble(Trouble.THROTTLED, retry_after_s=0.3))
    begun = asyncio.get_running_loop().time()
    await go(gate)
    assert asyncio.get_running_loop().time() - begun >= 0.29


async def test_nobody_waits_for_ever_nor_after_the_worker_stops() -> None:
    gate = quick(account_pause_s=60.0, longest_wait_s=0.1)
    await fail(gate, trouble(Trouble.ACCOUNT))
    with pytest.raises(GoogleRefusal, match="held back") as waited:
        await go(gate)
    assert waited.value.trouble is Trouble.ACCOUNT
    patient = quick(account_pause_s=60.0)
    await fail(patient, trouble(Trouble.ACCOUNT))
    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(fail(patient, CalendarError("worker stops", retryable=True)))
        await asyncio.sleep(0.05)
        patient.dismiss()
    assert leaving.done()


async def test_the_same_problem_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    gate = quick()
    with caplog.at_level(logging.WARNING, logger="scheduler.calendar_gate"):
        for _ in range(3):
            await fail(gate, trouble(Trouble.ACCOUNT))
            await go(gate)
        await fail(gate, trouble(Trouble.THROTTLED))
    said = [(record.levelname, record.message) for record in caplog.records]
    assert said == [("ERROR", "calendar_held_back"), ("WARNING", "calendar_held_back")]


async def test_the_pause_grows_to_its_bound_and_no_further() -> None:
    now = [0.0]
    gate = CalendarGate(first_pause_s=1.0, longest_pause_s=3.0, clock=lambda: now[0])
    await fail(gate, trouble(Trouble.THROTTLED))
    for _ in range(20):
        now[0] += 3.0
        async with asyncio.timeout(0.5):
            await fail(gate, trouble(Trouble.THROTTLED))
    now[0] += 3.0
    async with asyncio.timeout(0.5):
        await go(gate)
