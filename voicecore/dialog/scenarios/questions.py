"""Prices, opening hours and whatever else a caller asks."""

from __future__ import annotations

from voicecore.dialog.scenarios.scenario import Need, Phase, Scenario

QUESTIONS = Scenario(
    name="questions",
    title="Prices, opening hours and other questions",
    prompt="questions.md",
    phases=(
        Phase(
            name="open",
            goal="answer what needs no account",
            needs=(Need.CALLER,),
            tools=("lookup_customer", "get_available_slots"),
        ),
        Phase(
            name="account",
            goal="answer from the caller's own records",
            tools=(
                "lookup_customer",
                "get_available_slots",
                "get_vehicle_info",
                "check_appointment_history",
                "send_confirmation",
            ),
        ),
    ),
)
