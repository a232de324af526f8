"""Calls that were given to a person: what that person is told, and how the agent goes on.

From the moment the caller is put through until somebody has taken the call or nobody has, the
conversation stays here. It is kept by the worker that led it; after that worker's death the caller
is still taken back, without the context.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from voicecore.call.state import LogEntry
from voicecore.call_info import CallInfo
from voicecore.dialog.conversation import Conversation
from voicecore.net.held_slots import HeldSlots

KEPT_S = 180.0
"""Far longer than it rings."""
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A conversation that was interrupted to put the caller through.

    `log` is what was said, `turn` the number of the agent's last reply.
    """

    info: CallInfo
    conversation: Conversation
    holds: HeldSlots
    log: tuple[LogEntry, ...]
    turn: int


class Handovers:
    """The handovers that are not settled, by CallSid; old ones are forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Handover, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, handover: Handover) -> None:
        """Keep a conversation until the transfer has succeeded or failed."""
        now_s = asyncio.get_running_loop().time()
        self._kept[handover.info.call_sid] = (handover, now_s)
        while self._kept:
            oldest, (_, since_s) = next(iter(self._kept.items()))
            if len(self._kept) <= MOST and now_s - since_s < KEPT_S:
                break
            del self._kept[oldest]

    def of(self, call_sid: str) -> Handover | None:
        """Return the handover of a call, for whoever picks up."""
        handover, _ = self._kept.get(call_sid, (None, 0.0))
        return handover

    def take(self, call_sid: str) -> Handover | None:
        """Return the handover of a call, once."""
        handover, _ = self._kept.pop(call_sid, (None, 0.0))
        return handover
