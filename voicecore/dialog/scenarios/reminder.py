"""Our own call before an appointment: does the customer come, and if not, when instead?"""

from __future__ import annotations

from voicecore.dialog.ledger import Deed
from voicecore.dialog.scenarios.scenario import Direction, Need, Phase, Scenario

REMINDER = Scenario(
    name="reminder",
    title="Reminder of an appointment (our call)",
    prompt="reminder.md",
    begun_by=("note_reached", "confirm_visit"),
    completed_by=(Deed.CONFIRMED, Deed.MOVED, Deed.CANCELLED),
    directions=(Direction.OUTBOUND,),
    phases=(
        Phase(
            name="reach",
            goal="find out whether the customer, somebody else or a machine has answered",
            needs=(Need.PERSON,),
            tools=("note_reached",),
            alone=True,
        ),
        Phase(
            name="remind",
            goal="tell day and time, and ask whether they come; they may also move or cancel",
            needs=(Need.DEED,),
            tools=(
                "note_reached",
                "confirm_visit",
                "get_available_slots",
                "reschedule_appointment",
                "cancel_appointment",
            ),
        ),
        Phase(
            name="after",
            goal="thank them and say goodbye",
            tools=("confirm_visit", "send_confirmation"),
        ),
    ),
)
