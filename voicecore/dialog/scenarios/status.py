"""The state of a car in the workshop, and the caller's word on extra work."""

from __future__ import annotations

from voicecore.dialog.ledger import Deed
from voicecore.dialog.scenarios.scenario import Need, Phase, Scenario

STATUS = Scenario(
    name="status",
    title="State of the car, and approval of extra work",
    prompt="status.md",
    begun_by=("service_status", "answer_estimate"),
    completed_by=(Deed.ESTIMATE_APPROVED, Deed.ESTIMATE_DECLINED),
    phases=(
        Phase(
            name="caller",
            goal="find out who is calling",
            needs=(Need.CALLER,),
            tools=("lookup_customer",),
        ),
        Phase(
            name="report",
            goal="look up how the work stands, and tell it",
            needs=(Need.REPORT,),
            tools=("service_status", "get_vehicle_info"),
        ),
        Phase(
            name="estimate",
            goal="tell the extra work and its price, if the workshop asks for approval",
            needs=(Need.ESTIMATE,),
            tools=("service_status", "get_vehicle_info"),
        ),
        Phase(
            name="approve",
            goal="read the extra work back with its price, and pass on a clear yes or no",
            needs=(Need.DEED,),
            tools=("service_status", "get_vehicle_info", "answer_estimate"),
        ),
        Phase(
            name="after",
            goal="tell the caller what was passed on to the workshop",
            tools=("service_status", "get_vehicle_info", "answer_estimate"),
        ),
    ),
)
