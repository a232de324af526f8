"""Writes a call down while it runs: snapshots to Redis, turns to the CRM's journal.

The call never waits for it: work goes into a bounded queue, and one task empties it in order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog

from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed
from voicecore.call_info import CallInfo
from voicecore.net.curtained_step import Curtain, OpenCurtain
from voicecore.net.session_store import SessionStore

log = structlog.get_logger()

QUEUE_LIMIT = 200
WRITE_TIMEOUT_S = 1.5


class CallJournal(Protocol):
    """The CRM's record of calls; every method may be repeated without harm.

    `role` is "caller" or "agent"; a row is named by call, turn and role.
    """

    async def call_started(
        self, call_sid: str, *, at: datetime, from_e164: str | None, to_e164: str | None
    ) -> None:
        """Note that a call has begun."""

    async def turn_recorded(
        self,
        call_sid: str,
        *,
        turn: int,
        role: str,
        text: str,
        at: datetime,
        interrupted: bool,
        detail: Mapping[str, object],
    ) -> None:
        """Note what one side said in one turn."""

    async def call_ended(
        self,
        call_sid: str,
        *,
        at: datetime,
        outcome: str,
        stats: Mapping[str, object] | None = None,
    ) -> None:
        """Note when and how a call has ended; `stats` holds JSON values."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What one side said in one turn, with the tools that the agent used for it."""

    text: str = ""
    interrupted: bool = False
    detail: Mapping[str, object] = field(default_factory=dict)


class Scribe:
    """Keeps the written record of one call up to date."""

    def __init__(
        self,
        info: CallInfo,
        *,
        store: SessionStore,
        journal: CallJournal,
        curtain: Curtain | None = None,
    ) -> None:
        self._curtain = curtain or OpenCurtain()
        self._info = info
        self._store = store
        self._journal = journal
        self._queue: asyncio.Queue[Callable[[], Awaitable[object]] | None] = asyncio.Queue(
            QUEUE_LIMIT
        )
        self._version = 0
        self._history: tuple[HistoryItem, ...] = ()
        self._rows: dict[tuple[int, str], _Row] = {}
        self._failing = False
        self._full = False

    def started(self) -> None:
        """Note that the call is connected."""
        info = self._info
        self._put(
            lambda: self._journal.call_started(
                info.call_sid, at=info.started_at, from_e164=info.from_e164, to_e164=info.to_e164
            )
        )

    def history_changed(self, history: tuple[HistoryItem, ...], phase: str) -> None:
        """Note everything that is new since the last call of this method."""
        at = datetime.now(UTC)
        history = self._curtain.history(history)
        rows = _rows(history)
        for (turn, role), row in rows.items():
            if self._rows.get((turn, role)) != row:
                self._put(partial(self._write_row, turn, role, row, at))
        self._rows = rows
        self._history = history
        self._snapshot(phase)

    def ended(self, outcome: str, stats: Mapping[str, object] | None = None) -> None:
        """Note how the call ended, and what is to be counted of it; nothing may follow."""
        at = datetime.now(UTC)
        self._snapshot("ended")
        self._put(
            lambda: self._journal.call_ended(
                self._info.call_sid, at=at, outcome=outcome, stats=stats
            )
        )

    async def run(self) -> None:
        """Empty the queue until `close`."""
        while (job := await self._queue.get()) is not None:
            try:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    # The journal belongs to another package: any of its errors is a value here.
                    (failure,) = await asyncio.gather(job(), return_exceptions=True)
            except TimeoutError as error:
                failure = error
            self._judge(failure)

    def close(self) -> None:
        """Let `run` return after what is queued."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    def _judge(self, failure: object) -> None:
        """Log the first failure of an outage."""
        failed = isinstance(failure, BaseException)
        if failed and not self._failing:
            reason = type(failure).__name__
            log.warning("journal_write_failed", call_sid=self._info.call_sid, reason=reason)
        self._failing = failed

    async def _write_row(self, turn: int, role: str, row: _Row, at: datetime) -> None:
        await self._journal.turn_recorded(
            self._info.call_sid,
            turn=turn,
            role=role,
            text=row.text,
            at=at,
            interrupted=row.interrupted,
            detail=row.detail,
        )

    def _snapshot(self, phase: str) -> None:
        self._version += 1
        self._put(partial(self._save, self._version, phase, self._history))

    async def _save(self, version: int, phase: str, history: tuple[HistoryItem, ...]) -> None:
        snapshot = {
            "from": self._info.from_e164,
            "to": self._info.to_e164,
            "history": [{"kind": type(item).__name__, **asdict(item)} for item in history],
        }
        # ASCII: what a model sends may hold halves of characters that UTF-8 cannot carry.
        body = json.dumps(snapshot).encode()
        await self._store.save(self._info.call_sid, version=version, phase=phase, snapshot=body)

    def _put(self, job: Callable[[], Awaitable[object]]) -> None:
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull:
            if not self._full:
                self._full = True
                log.warning("journal_queue_full", call_sid=self._info.call_sid)


def _rows(history: tuple[HistoryItem, ...]) -> dict[tuple[int, str], _Row]:
    rows: dict[tuple[int, str], _Row] = {}
    for item in history:
        role = "caller" if isinstance(item, CallerSaid) else "agent"
        row = rows.get((item.turn, role), _Row())
        match item:
            case CallerSaid():
                row = replace(row, text=f"{row.text} {item.text}".strip())
            case AgentSaid():
                row = replace(
                    row,
                    text=f"{row.text} {item.text}".strip(),
                    interrupted=row.interrupted or not item.complete,
                )
            case ToolUsed():
                used = {"name": item.name, "arguments": item.arguments, "ok": item.ok}
                row = replace(row, detail={**row.detail, item.call_id: used})
        rows[item.turn, role] = row
    return rows
