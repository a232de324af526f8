"""Moving and cancelling an appointment, each after a read-back and a yes."""

from __future__ import annotations

from collections.abc import Sequence

from voicecore.call.history import HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.consent import consented
from voicecore.dialog.desk import CallDesk, ReadBack, plain_text
from voicecore.dialog.ports import Appointment
from voicecore.dialog.slots import SlotProblem
from voicecore.dialog.spoken_time import spoken_when
from voicecore.dialog.tool_outcome import ToolOutcome, answer, problem
from voicecore.dialog.tools.offers import alternatives

MOVE = "reschedule_appointment"
CANCEL = "cancel_appointment"


async def reschedule_appointment(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Read the move back; do it once the caller has said yes to that."""
    handle = arguments["appointment"]
    appointment = desk.appointment(handle)
    if isinstance(appointment, SlotProblem):
        return problem(appointment.error, appointment.ask)
    slot = desk.slots.get(arguments["slot"])
    if slot is None:
        return problem("unknown_slot", phrases.ASK_SLOT)
    key = (MOVE, handle, slot.start)
    if key in desk.done:
        return answer(desk.done[key])
    before = desk.local(appointment.start)
    say = phrases.filled(
        phrases.READ_BACK_MOVE,
        service=plain_text(appointment.service_name).lower(),
        before=spoken_when(before),
        after=spoken_when(slot.start),
    )
    if not _agreed(desk, MOVE, ReadBack(key, say, (before, slot.start)), history):
        return answer({"status": "read_back", "say": say})
    outcome = await desk.schedule.reschedule(
        appointment.appointment_id, start=slot.start, customer_id=_customer_id(desk)
    )
    desk.pending.pop(MOVE, None)
    moved = outcome.appointment
    if moved is None:
        slots = alternatives(desk, appointment.service_code, outcome.alternatives)
        return answer({"status": "taken", "slots": slots})
    return _moved(desk, handle, key, appointment, moved)


async def cancel_appointment(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Read the appointment back; cancel it once the caller has said yes to that."""
    handle = arguments["appointment"]
    key = (CANCEL, handle)
    if key in desk.done:
        return answer(desk.done[key])
    appointment = desk.appointment(handle)
    if isinstance(appointment, SlotProblem):
        return problem(appointment.error, appointment.ask)
    start = desk.local(appointment.start)
    say = phrases.filled(
        phrases.READ_BACK_CANCEL,
        service=plain_text(appointment.service_name).lower(),
        when=spoken_when(start),
    )
    if not _agreed(desk, CANCEL, ReadBack(key, say, (start,)), history):
        return answer({"status": "read_back", "say": say})
    cancelled = await desk.schedule.cancel(
        appointment.appointment_id, customer_id=_customer_id(desk)
    )
    desk.pending.pop(CANCEL, None)
    if cancelled is None:
        return problem("not_cancelled", phrases.SAY_FAILED)
    desk.ledger.record_cancellation(appointment.appointment_id, start)
    desk.appointments.replace(handle, cancelled)
    desk.done[key] = {
        "status": "cancelled",
        "appointment": handle,
        "start": start.isoformat(),
        "spoken": spoken_when(start),
    }
    return answer(desk.done[key])


def _moved(
    desk: CallDesk,
    handle: str,
    key: tuple[object, ...],
    before: Appointment,
    moved: Appointment,
) -> ToolOutcome:
    start = desk.local(moved.start)
    desk.ledger.record_move(before.appointment_id, moved.appointment_id, start)
    desk.appointments.replace(handle, moved)
    for done in [entry for entry in desk.done if entry[:2] == (MOVE, handle)]:
        del desk.done[done]
    desk.done[key] = {
        "status": "rescheduled",
        "appointment": handle,
        "start": start.isoformat(),
        "spoken": spoken_when(start),
        "bay": plain_text(moved.bay_name),
    }
    return answer(desk.done[key])


def _agreed(desk: CallDesk, tool: str, read_back: ReadBack, history: Sequence[HistoryItem]) -> bool:
    """Say whether exactly this was read back before and agreed to; remembers it if not."""
    pending = desk.pending.get(tool)
    desk.pending[tool] = read_back
    return pending == read_back and consented(
        history,
        tool=tool,
        say=read_back.say,
        moments=read_back.moments,
        today=desk.now().date(),
    )


def _customer_id(desk: CallDesk) -> int:
    record = desk.identity.record
    assert record is not None, "the rung of the tool lets nobody unknown come here"
    return record.customer.customer_id
