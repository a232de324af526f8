"""The scenarios as a table: what each needs, may use and is completed by.

The prompt fragments of all scenarios stand in the system prompt together, because a caller may
want several things in one call.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicecore.dialog.ledger import Deed


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of wish; `prompt` is a file in `prompts`, `completed_by` the deeds that end it."""

    name: str
    prompt: str
    slots: tuple[str, ...]
    tools: tuple[str, ...]
    completed_by: tuple[Deed, ...]


_OPEN_TO_ALL = ("lookup_customer", "transfer_to_human", "end_call")

SCENARIOS = (
    Scenario(
        name="book",
        prompt="book.md",
        slots=("service", "phone", "vehicle", "start"),
        tools=(
            *_OPEN_TO_ALL,
            "update_customer_info",
            "get_vehicle_info",
            "check_appointment_history",
            "get_available_slots",
            "book_appointment",
            "send_confirmation",
        ),
        completed_by=(Deed.BOOKED,),
    ),
    Scenario(
        name="change",
        prompt="change.md",
        slots=("phone", "appointment", "start"),
        tools=(
            *_OPEN_TO_ALL,
            "get_available_slots",
            "reschedule_appointment",
            "cancel_appointment",
            "send_confirmation",
        ),
        completed_by=(Deed.MOVED, Deed.CANCELLED),
    ),
    Scenario(
        name="status",
        prompt="status.md",
        slots=("phone",),
        tools=(*_OPEN_TO_ALL, "service_status", "get_vehicle_info"),
        completed_by=(),
    ),
    Scenario(
        name="questions",
        prompt="questions.md",
        slots=(),
        tools=(*_OPEN_TO_ALL, "get_available_slots"),
        completed_by=(),
    ),
)
