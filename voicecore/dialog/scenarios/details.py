"""Changing how the caller can be reached."""

from __future__ import annotations

from voicecore.dialog.ledger import Deed
from voicecore.dialog.scenarios.scenario import Need, Phase, Scenario

DETAILS = Scenario(
    name="details",
    title="Change phone number or e-mail address",
    prompt="details.md",
    begun_by=("update_customer_info",),
    completed_by=(Deed.UPDATED,),
    phases=(
        Phase(
            name="caller",
            goal="find out who is calling",
            needs=(Need.CALLER,),
            tools=("lookup_customer", "update_customer_info"),
        ),
        Phase(
            name="change",
            goal="take the new number or address and the code that was sent by text",
            needs=(Need.DEED,),
            tools=("update_customer_info",),
        ),
        Phase(
            name="after",
            goal="tell the caller what was changed",
            tools=("update_customer_info",),
        ),
    ),
)
