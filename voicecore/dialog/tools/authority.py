"""Who may use which tool: the one table that decides it.

The tools of a rung are offered from that rung on and run from that rung on; a tool without a row
cannot be built. No tool takes a customer: it works for whom the call's identity stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from voicecore.dialog.identity import Rung

LEAST_RUNG: Mapping[str, Rung] = MappingProxyType(
    {
        # What anybody may know or do, and the way up.
        "lookup_customer": Rung.ANONYMOUS,
        "get_available_slots": Rung.ANONYMOUS,
        "note_reached": Rung.ANONYMOUS,
        "note_wish": Rung.ANONYMOUS,
        "transfer_to_human": Rung.ANONYMOUS,
        "end_call": Rung.ANONYMOUS,
        # Registers a new caller; for anybody on file it only sends the code of `CHANGE_CONTACT`.
        "update_customer_info": Rung.ANONYMOUS,
        # The caller's own cars and appointments.
        "book_appointment": Rung.ONE_FACT,
        "reschedule_appointment": Rung.ONE_FACT,
        "cancel_appointment": Rung.ONE_FACT,
        "send_confirmation": Rung.ONE_FACT,
        "get_vehicle_info": Rung.ONE_FACT,
        "check_appointment_history": Rung.ONE_FACT,
        "service_status": Rung.ONE_FACT,
        "answer_estimate": Rung.ONE_FACT,
        "confirm_visit": Rung.ONE_FACT,
    }
)
"""The least rung of every tool, by its name."""
CHANGE_CONTACT = Rung.SMS_CODE
"""What a change of number or e-mail address takes: whoever owns those owns the account."""
