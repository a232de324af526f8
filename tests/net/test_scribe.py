"""The written record of a call, while everything it is written to fails in turn."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from tests.net.shop import MemoryJournal
from voicecore.call.history import AgentSaid, CallerSaid, ToolUsed
from voicecore.call_info import CallInfo
from voicecore.net import scribe as module
from voicecore.net.scribe import Scribe

INFO = CallInfo("CA1", "AC1", "+13125550142", "+13125550100", datetime.now(UTC))
GREETING = AgentSaid(0, "Hello.", True)
WISH = CallerSaid(1, "An oil change.")
TOOL = ToolUsed(1, "call_1", "get_available_slots", "{}", "{}", True)
ANSWER = AgentSaid(1, "I have", False)


class MemoryStore:
    """The session store: keeps the snapshots."""

    def __init__(self) -> None:
        self.saved: list[tuple[int, str, Any]] = []
        self.failure: Exception | None = None

    async def save(self, call_sid: str, *, version: int, phase: str, snapshot: bytes) -> bool:
        if self.failure is not None:
            raise self.failure
        self.saved.append((version, phase, json.loads(snapshot)))
        return True


def written(journal: MemoryJournal, store: MemoryStore) -> Scribe:
    return Scribe(INFO, store=store, journal=journal)  # type: ignore[arg-type]


async def test_a_call_is_written_down_in_order() -> None:
    journal, store = MemoryJournal(), MemoryStore()
    scribe = written(journal, store)
    scribe.started()
    scribe.history_changed((GREETING,), "speaking")
    scribe.history_changed((GREETING, WISH), "thinking")
    scribe.history_changed((GREETING, WISH, TOOL, ANSWER), "speaking")
    scribe.ended("caller", {"prompt_version": "0123"})
    scribe.close()
    await scribe.run()
    assert journal.stats == [{"prompt_version": "0123"}]
    assert journal.started == ["CA1"] and journal.ended == [("CA1", "caller")]
    assert journal.turns == [
        (0, "agent", "Hello."),
        (1, "caller", "An oil change."),
        (1, "agent", "I have"),
    ]
    used = {"name": "get_available_slots", "arguments": "{}", "ok": True}
    assert journal.details[-1] == {"call_1": used}
    assert [(version, phase) for version, phase, _ in store.saved] == [
        (1, "speaking"),
        (2, "thinking"),
        (3, "speaking"),
        (4, "ended"),
    ]
    last = store.saved[-1][2]
    assert last["from"] == "+13125550142"
    assert [item["kind"] for item in last["history"]] == [
        "AgentSaid",
        "CallerSaid",
        "ToolUsed",
        "AgentSaid",
    ]


async def test_a_turn_grows_and_stays_one_row() -> None:
    journal, store = MemoryJournal(), MemoryStore()
    scribe = written(journal, store)
    scribe.history_changed((WISH,), "thinking")
    scribe.history_changed((WISH, CallerSaid(1, "Please.")), "thinking")
    scribe.history_changed((WISH, CallerSaid(1, "Please.")), "thinking")
    scribe.close()
    await scribe.run()
    assert journal.turns == [
        (1, "caller", "An oil change."),
        (1, "caller", "An oil change. Please."),
    ]


async def test_half_characters_are_written_all_the_same() -> None:
    journal, store = MemoryJournal(), MemoryStore()
    scribe = written(journal, store)
    scribe.history_changed((AgentSaid(0, "broken \ud800", True),), "speaking")
    scribe.close()
    await scribe.run()
    assert store.saved[0][2]["history"][0]["text"] == "broken \ud800"


async def test_an_outage_is_one_line_and_what_follows_is_written() -> None:
    class Strange(Exception):
        """An error of another package."""

    journal, store = MemoryJournal(failure=Strange()), MemoryStore()
    scribe = written(journal, store)
    with structlog.testing.capture_logs() as logs:
        scribe.started()
        scribe._put(lambda: journal.call_ended("CA1", at=INFO.started_at, outcome="x"))
        scribe._snapshot("speaking")
        scribe.close()
        await scribe.run()
    failed = [line for line in logs if line["event"] == "journal_write_failed"]
    assert [(line["call_sid"], line["reason"]) for line in failed] == [("CA1", "Strange")]
    assert len(store.saved) == 1


async def test_a_write_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_TIMEOUT_S", 0.02)
    journal, store = MemoryJournal(delay_s=5.0), MemoryStore()
    scribe = written(journal, store)
    scribe.started()
    scribe._snapshot("ended")
    scribe.close()
    with structlog.testing.capture_logs() as logs:
        async with asyncio.timeout(1):
            await scribe.run()
    assert [line["reason"] for line in logs] == ["TimeoutError"]
    assert len(store.saved) == 1


async def test_a_full_queue_loses_entries_and_never_the_end() -> None:
    journal, store = MemoryJournal(), MemoryStore()
    scribe = written(journal, store)
    with structlog.testing.capture_logs() as logs:
        for _ in range(module.QUEUE_LIMIT + 50):
            scribe.started()
        scribe.close()
    assert [line["event"] for line in logs] == ["journal_queue_full"]
    async with asyncio.timeout(5):
        await scribe.run()
    assert len(journal.started) == module.QUEUE_LIMIT - 1
