"""Moving an appointment to another time."""

from __future__ import annotations

from voicecore.dialog.ledger import Deed
from voicecore.dialog.scenarios.scenario import Need, Phase, Scenario

RESCHEDULE = Scenario(
    name="reschedule",
    title="Move an appointment",
    prompt="reschedule.md",
    begun_by=("reschedule_appointment",),
    completed_by=(Deed.MOVED,),
    phases=(
        Phase(
            name="caller",
            goal="find out who is calling",
            needs=(Need.CALLER,),
            tools=("lookup_customer",),
        ),
        Phase(
            name="appointment",
            goal="find the appointment; without one, offer to book",
            needs=(Need.APPOINTMENT,),
            tools=("service_status", "get_available_slots"),
        ),
        Phase(
            name="times",
            goal="look for other times for the same service",
            needs=(Need.OFFER,),
            tools=("get_available_slots",),
        ),
        Phase(
            name="choose",
            goal="let the caller choose one of the offered times, then read the move back",
            needs=(Need.CHOICE,),
            tools=("get_available_slots", "reschedule_appointment"),
        ),
        Phase(
            name="agree",
            goal="wait for a yes to the read-back, then move",
            needs=(Need.DEED,),
            tools=("get_available_slots", "reschedule_appointment"),
        ),
        Phase(
            name="after",
            goal="tell the caller the new time, and send it by text if they want",
            tools=("get_available_slots", "reschedule_appointment", "send_confirmation"),
        ),
    ),
)
