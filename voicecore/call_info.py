"""What is known of a call when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Attestation(StrEnum):
    """What the caller's carrier says of the number, by STIR/SHAKEN.

    `FULL`: it is theirs to use; `PARTIAL` and `GATEWAY`: the carrier knows the caller, or only
    where the call came in; `FAILED`: the signature is wrong, the number may be forged; `NONE`:
    nothing was said, as for most calls.
    """

    FULL = "A"
    PARTIAL = "B"
    GATEWAY = "C"
    FAILED = "failed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Identity of one call; `from_e164` is None for withheld and non-telephone callers.

    `is_outbound`: we placed it, so that the customer is at `to_e164`.
    """

    call_sid: str
    account_sid: str
    from_e164: str | None
    to_e164: str | None
    started_at: datetime
    attestation: Attestation = Attestation.NONE
    is_outbound: bool = False

    @property
    def customer_e164(self) -> str | None:
        """The number of the person at the other end, unless it may be forged; never a proof."""
        if self.is_outbound:
            return self.to_e164
        return None if self.attestation is Attestation.FAILED else self.from_e164
