"""Booking an appointment."""

from __future__ import annotations

from voicecore.dialog.ledger import Deed
from voicecore.dialog.scenarios.scenario import Need, Phase, Scenario

BOOK = Scenario(
    name="book",
    title="Book an appointment",
    prompt="book.md",
    begun_by=("get_available_slots", "book_appointment"),
    completed_by=(Deed.BOOKED,),
    phases=(
        Phase(
            name="service",
            goal="find out which service is needed and look for times",
            needs=(Need.SERVICE,),
            tools=("get_available_slots",),
        ),
        Phase(
            name="caller",
            goal="find out who is calling, or register a new caller",
            needs=(Need.CALLER,),
            tools=("lookup_customer", "update_customer_info", "get_available_slots"),
        ),
        Phase(
            name="times",
            goal="look for times that suit the caller",
            needs=(Need.OFFER,),
            tools=("get_available_slots",),
        ),
        Phase(
            name="choose",
            goal="let the caller choose one of the offered times and the car, then read it back",
            needs=(Need.CHOICE,),
            tools=("get_available_slots", "book_appointment"),
        ),
        Phase(
            name="agree",
            goal="wait for a yes to the read-back, then book",
            needs=(Need.DEED,),
            tools=("get_available_slots", "book_appointment"),
        ),
        Phase(
            name="after",
            goal="tell the caller what was booked and send it by text",
            tools=("get_available_slots", "book_appointment", "send_confirmation"),
        ),
    ),
)
