"""Uses the tools of one conversation as the call does: each result goes into the history."""

from __future__ import annotations

import json
from typing import Any

from tests.dialog.shop_world import World
from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog.tool_outcome import ToolOutcome


class DeskHand:
    """A model that calls tools by hand, and a caller who answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.history: tuple[HistoryItem, ...] = ()
        self.turn = 1
        self.last: ToolOutcome | None = None

    async def use(self, tool: str, /, **arguments: object) -> dict[str, Any]:
        """Call a tool; returns its result."""
        text = json.dumps(arguments)
        self.last = await self.world.conversation.run_tool(tool, text, self.history)
        used = ToolUsed(
            self.turn, f"call_{len(self.history)}", tool, text, self.last.content, self.last.ok
        )
        self.history = (*self.history, used)
        result: dict[str, Any] = json.loads(self.last.content)
        return result

    def say(self, text: str, *, heard: bool = True) -> None:
        """The agent says something; `heard`: to its end."""
        spoken = self.world.conversation.review(text)
        assert spoken is not None
        self.history = (*self.history, AgentSaid(self.turn, spoken, complete=heard))

    def hear(self, text: str) -> None:
        """The caller says something."""
        self.turn += 1
        self.history = (*self.history, CallerSaid(self.turn, text))

    async def identify(self) -> dict[str, Any]:
        """Find Maria by her own line."""
        return await self.use("lookup_customer", phone="312 555 0142")

    async def offer(self, **arguments: object) -> list[dict[str, Any]]:
        """Get times for an oil change on Thursday afternoon, or as told."""
        wanted = {
            "service": "oil_change",
            "from": "2026-11-26",
            "part_of_day": "afternoon",
            **arguments,
        }
        slots: list[dict[str, Any]] = (await self.use("get_available_slots", **wanted))["slots"]
        return slots

    async def agree(self, tool: str, /, **arguments: object) -> dict[str, Any]:
        """Call a writing tool, say its read-back, hear a yes, and call it again."""
        first = await self.use(tool, **arguments)
        assert first["status"] == "read_back", first
        self.say(first["say"])
        self.hear("Yes please.")
        return await self.use(tool, **arguments)
