"""Cancelling an appointment."""

from __future__ import annotations

from voicecore.dialog.ledger import Deed
from voicecore.dialog.scenarios.scenario import Need, Phase, Scenario

CANCEL = Scenario(
    name="cancel",
    title="Cancel an appointment",
    prompt="cancel.md",
    begun_by=("cancel_appointment",),
    completed_by=(Deed.CANCELLED,),
    phases=(
        Phase(
            name="caller",
            goal="find out who is calling",
            needs=(Need.CALLER,),
            tools=("lookup_customer",),
        ),
        Phase(
            name="appointment",
            goal="find the appointment; without one there is nothing to cancel",
            needs=(Need.APPOINTMENT,),
            tools=("service_status",),
        ),
        Phase(
            name="choose",
            goal="find out which appointment is meant, then read it back",
            needs=(Need.CHOICE,),
            tools=("cancel_appointment",),
        ),
        Phase(
            name="agree",
            goal="wait for a yes to the read-back, then cancel",
            needs=(Need.DEED,),
            tools=("cancel_appointment",),
        ),
        Phase(
            name="after",
            goal="tell the caller that it is cancelled, and offer another time once",
            tools=("get_available_slots", "cancel_appointment"),
        ),
    ),
)
