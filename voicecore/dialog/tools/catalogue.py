"""The tools that the model may call: names, arguments, rung, deadline and what runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from voicecore.call.history import HistoryItem
from voicecore.dialog.desk import CallDesk
from voicecore.dialog.identity import Rung
from voicecore.dialog.scenarios.catalogue import BY_NAME
from voicecore.dialog.tool_outcome import ToolOutcome
from voicecore.dialog.tools.arguments import Field, parameters
from voicecore.dialog.tools.authority import LEAST_RUNG
from voicecore.dialog.tools.booking import book_appointment
from voicecore.dialog.tools.change import cancel_appointment, reschedule_appointment
from voicecore.dialog.tools.contact import send_confirmation, update_customer_info
from voicecore.dialog.tools.customer import (
    check_appointment_history,
    get_vehicle_info,
    lookup_customer,
    service_status,
)
from voicecore.dialog.tools.ending import end_call, transfer_to_human
from voicecore.dialog.tools.estimate import APPROVE, DECLINE, answer_estimate
from voicecore.dialog.tools.offers import SAME_TECHNICIAN, get_available_slots
from voicecore.dialog.tools.reminder import WHO, confirm_visit, note_reached
from voicecore.dialog.tools.wish import STATES, note_wish

READ_DEADLINE_S = 3.0
WRITE_DEADLINE_S = 6.0

Run = Callable[[CallDesk, dict[str, str], Sequence[HistoryItem]], Awaitable[ToolOutcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool; callers below `rung` neither see nor may use it: `authority.LEAST_RUNG` has it.

    `writes`: changes something, so that it is never cancelled and never runs beside another one.
    """

    name: str
    description: str
    run: Run
    fields: tuple[Field, ...] = ()
    writes: bool = False

    @property
    def rung(self) -> Rung:
        """How much a caller must have shown; a tool without a row in the table is an error."""
        return LEAST_RUNG[self.name]

    @property
    def deadline_s(self) -> float:
        """How long the tool may take."""
        return WRITE_DEADLINE_S if self.writes else READ_DEADLINE_S

    def schema(self) -> dict[str, Any]:
        """Return the tool as OpenAI's chat completions take it."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": parameters(self.fields),
                "strict": True,
            },
        }


_PHONE = Field(
    "phone", "The phone number exactly as the caller said it, in words or digits, unchanged."
)
_SERVICE = Field("service", "Code of the service from the list of services, such as oil_change.")
_SLOT = Field("slot", "Handle of an offered time, such as slot_1.")
_VEHICLE = Field("vehicle", "Handle of the caller's car, such as vehicle_1.", optional=True)
_APPOINTMENT = Field("appointment", "Handle of the appointment, such as appointment_1.")

_TOOLS = (
    Tool(
        name="lookup_customer",
        description="Find the caller's account by phone number. Call it as soon as the caller has "
        "said a phone number; if it asks for another fact, call it again with both.",
        run=lookup_customer,
        fields=(
            _PHONE,
            Field("name", "Name that the caller said, if any.", optional=True),
            Field("plate", "License plate that the caller said, if any.", optional=True),
        ),
    ),
    Tool(
        name="get_available_slots",
        description="Get up to three free times for a service. Offer only times from here.",
        run=get_available_slots,
        fields=(
            _SERVICE,
            Field(
                "from",
                "First day as ISO date (2026-11-26), from the calendar in your instructions; "
                "null: from now on.",
                optional=True,
            ),
            Field(
                "part_of_day",
                "Part of the day that the caller wants.",
                optional=True,
                choices=("morning", "afternoon", "any"),
            ),
            Field(
                "at",
                "Time of day exactly as the caller said it, such as half past nine; null: none.",
                optional=True,
            ),
            Field(
                "technician",
                "Only if the caller wants the technician of their last visit; null: anybody.",
                optional=True,
                choices=(SAME_TECHNICIAN,),
            ),
        ),
    ),
    Tool(
        name="book_appointment",
        description="Book an offered time. The first call reserves it and returns a read-back: "
        "say it word for word and wait. After the caller's yes call it again, unchanged.",
        run=book_appointment,
        fields=(_SLOT, _SERVICE, _VEHICLE),
        writes=True,
    ),
    Tool(
        name="reschedule_appointment",
        description="Move an appointment to an offered time. Read-back and yes as for booking.",
        run=reschedule_appointment,
        fields=(_APPOINTMENT, _SLOT),
        writes=True,
    ),
    Tool(
        name="cancel_appointment",
        description="Cancel an appointment. Read-back and yes as for booking.",
        run=cancel_appointment,
        fields=(_APPOINTMENT,),
        writes=True,
    ),
    Tool(
        name="send_confirmation",
        description="Send an appointment's details by text message to the number on file.",
        run=send_confirmation,
        fields=(_APPOINTMENT,),
        writes=True,
    ),
    Tool(
        name="get_vehicle_info",
        description="Get mileage and last service of one of the caller's cars.",
        run=get_vehicle_info,
        fields=(_VEHICLE,),
    ),
    Tool(
        name="check_appointment_history",
        description="Get the caller's last visits.",
        run=check_appointment_history,
    ),
    Tool(
        name="service_status",
        description="Get how the work on the caller's car stands.",
        run=service_status,
    ),
    Tool(
        name="update_customer_info",
        description="Register a new caller (first name, last name, phone), or change phone or "
        "e-mail of a known one; the tool then asks for a code that it sends by text. Once the "
        "caller has said or pressed the code, call it again, unchanged: it checks it by itself.",
        run=update_customer_info,
        fields=(
            Field("first_name", "First name of a new caller.", optional=True),
            Field("last_name", "Last name of a new caller.", optional=True),
            Field("phone", "New phone number as the caller said it.", optional=True),
            Field("email", "New e-mail address.", optional=True),
        ),
        writes=True,
    ),
    Tool(
        name="answer_estimate",
        description="Pass on the caller's word on extra work from service_status. Read-back and "
        "yes as for booking.",
        run=answer_estimate,
        fields=(
            Field("estimate", "Handle of the extra work, such as estimate_1."),
            Field("answer", "What the caller wants.", choices=(APPROVE, DECLINE)),
        ),
        writes=True,
    ),
    Tool(
        name="note_reached",
        description="Our own call only: note who has answered, as soon as that is clear. Before "
        "it nothing of the appointment may be said.",
        run=note_reached,
        fields=(Field("who", "Who has answered.", choices=WHO),),
    ),
    Tool(
        name="confirm_visit",
        description="Our own call only: returns the appointment as a read-back; after the "
        "customer's yes call it again to note that they come.",
        run=confirm_visit,
        writes=True,
    ),
    Tool(
        name="note_wish",
        description="Keep a wish that no other tool shows yet, so that it is not forgotten: when "
        "the caller wants several things, note the later ones in the same turn. Also note when a "
        "wish was answered in words, or dropped.",
        run=note_wish,
        fields=(
            Field("wish", "Kind of wish.", choices=tuple(BY_NAME)),
            Field("about", "A few words to remember it by.", optional=True),
            Field(
                "state",
                "Whether it is to be done now or later, or is over; null: now.",
                optional=True,
                choices=STATES,
            ),
        ),
    ),
    Tool(
        name="transfer_to_human",
        description="Put the caller through to a person: on request, in an emergency, for a "
        "complaint, or when you cannot help.",
        run=transfer_to_human,
        fields=(Field("reason", "A few words for the person who takes over."),),
        writes=True,
    ),
    Tool(
        name="end_call",
        description="End the call once the caller has nothing more and has said goodbye.",
        run=end_call,
        writes=True,
    ),
)
TOOLS: dict[str, Tool] = {tool.name: tool for tool in _TOOLS}
"""Every tool by its name."""
