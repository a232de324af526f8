"""What is known of a call when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Identity of one call; `from_e164` is None for withheld and non-telephone callers."""

    call_sid: str
    account_sid: str
    from_e164: str | None
    to_e164: str | None
    started_at: datetime
