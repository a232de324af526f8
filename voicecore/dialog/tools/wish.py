"""The tool by which the model notes what a caller wants, has got, or wants no more."""

from __future__ import annotations

from collections.abc import Sequence

from voicecore.call.history import HistoryItem
from voicecore.dialog.desk import CallDesk
from voicecore.dialog.tool_outcome import ToolOutcome, answer

NOW, LATER, ANSWERED, DROPPED = "now", "later", "answered", "dropped"
STATES = (NOW, LATER, ANSWERED, DROPPED)


async def note_wish(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Keep the caller's wishes, so that none of several is forgotten."""
    name, about = arguments["wish"], arguments.get("about", "")
    match arguments.get("state", NOW):
        case "later":
            desk.agenda.remember(name, desk.known(), about)
        case "answered" | "dropped":
            desk.agenda.close(name)
        case _:
            desk.agenda.wish(name, desk.known(), about)
    names = [task.scenario.name for task in reversed(desk.agenda.open)]
    return answer({"status": "noted", "open": names})
