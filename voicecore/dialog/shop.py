"""The service centre as the agent speaks of it."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class ShopProfile:
    """Facts about the shop that do not change during a call.

    `timezone` is an IANA name, `transfer_number` E.164 or empty where nobody takes calls over,
    `hours` one speakable sentence about the opening hours, empty where they are not known.
    `agent_name` is what the agent calls itself, empty: it gives no name; `persona` one line on how
    it speaks.
    """

    name: str
    timezone: str
    address: str
    transfer_number: str
    hours: str = ""
    agent_name: str = ""
    persona: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """The shop's clock."""
        return ZoneInfo(self.timezone)
