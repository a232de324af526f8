"""Leaving the conversation: to a person, or for good."""

from __future__ import annotations

import json
from collections.abc import Sequence

from voicecore.call.history import HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.desk import CallDesk
from voicecore.dialog.tool_outcome import ToolOutcome, problem


async def transfer_to_human(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Hand the caller to the shop's own number; never to one that somebody named."""
    if not desk.shop.transfer_number or desk.transfer_failed:
        return problem("nobody_available", phrases.ASK_NOBODY)
    desk.ledger.notes.append(f"transfer: {arguments['reason'][:80]}")
    return ToolOutcome(json.dumps({"status": "transferring"}), ok=True, transfer=True)


async def end_call(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Say goodbye and hang up."""
    return ToolOutcome(json.dumps({"status": "ending"}), ok=True, ends_call=True)
