"""Runs the tools of one call: checks name, arguments and rung, and holds the deadline."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from voicecore.call.history import HistoryItem, ToolUsed
from voicecore.dialog import phrases
from voicecore.dialog.desk import CallDesk
from voicecore.dialog.tool_outcome import ToolOutcome, problem
from voicecore.dialog.tools.arguments import ArgumentsError, read_arguments
from voicecore.dialog.tools.catalogue import TOOLS, Tool

MOST_TOOL_CALLS = 40
"""Tool calls of one phone call."""

_log = logging.getLogger(__name__)


class Toolbox:
    """The tools, bound to one call's desk."""

    def __init__(self, desk: CallDesk) -> None:
        self._desk = desk

    def schemas(self) -> list[dict[str, Any]]:
        """Return the tools that the caller's rung allows."""
        rung = self._desk.identity.rung
        return [tool.schema() for tool in TOOLS.values() if tool.rung <= rung]

    def writes(self, name: str) -> bool:
        """Say whether a tool changes something; an unknown name does not."""
        tool = TOOLS.get(name)
        return tool is not None and tool.writes

    async def run(self, name: str, arguments: str, history: Sequence[HistoryItem]) -> ToolOutcome:
        """Run one tool to its end or deadline; every failure becomes an outcome."""
        tool = TOOLS.get(name)
        if tool is None:
            names = ", ".join(TOOLS)
            return problem("unknown_tool", phrases.ASK_UNKNOWN_TOOL.format(names=names))
        if sum(isinstance(item, ToolUsed) for item in history) >= MOST_TOOL_CALLS:
            return problem("too_many_tool_calls", phrases.ASK_TOO_MANY)
        try:
            values = read_arguments(arguments, tool.fields)
        except ArgumentsError as error:
            ask = phrases.ASK_ARGUMENTS.format(problems=error.problems)
            return problem("bad_arguments", ask)
        if tool.rung > self._desk.identity.rung:
            locked = self._desk.identity.locked
            ask = phrases.ASK_IDENTITY_LIMIT if locked else phrases.ASK_LOOKUP_FIRST
            return problem("not_identified", ask)
        return await self._run(tool, values, history)

    async def _run(
        self, tool: Tool, values: dict[str, str], history: Sequence[HistoryItem]
    ) -> ToolOutcome:
        try:
            async with asyncio.timeout(tool.deadline_s), self._turn(tool):
                # Whatever the tool asks for, the database answers for this caller only.
                with self._desk.rows_of_caller():
                    outcome = await self._outcome(tool, values, history)
        except TimeoutError:
            return self._late(tool)
        if isinstance(outcome, ToolOutcome):
            return outcome
        if isinstance(outcome, TimeoutError):
            return self._late(tool)
        assert isinstance(outcome, BaseException), "a tool returns an outcome or fails"
        _log.error("tool_failed", exc_info=outcome, extra={"tool": tool.name})
        self._desk.ledger.notes.append(f"{tool.name}: {type(outcome).__name__}")
        return problem("failed", phrases.SAY_FAILED)

    async def _outcome(
        self, tool: Tool, values: dict[str, str], history: Sequence[HistoryItem]
    ) -> object:
        # The ports belong to other packages with errors of their own, so that no list of classes
        # could be complete here; `gather` hands any of them back as a value.
        (outcome,) = await asyncio.gather(
            tool.run(self._desk, values, history), return_exceptions=True
        )
        return outcome

    def _late(self, tool: Tool) -> ToolOutcome:
        self._desk.ledger.notes.append(f"{tool.name}: deadline")
        return problem("deadline", phrases.SAY_SLOW_WRITE if tool.writes else phrases.SAY_SLOW)

    @contextlib.asynccontextmanager
    async def _turn(self, tool: Tool) -> AsyncIterator[None]:
        """Let one writing tool run at a time; reading ones do not wait."""
        if not tool.writes:
            yield
            return
        async with self._desk.writing:
            yield
