"""The caller's word on extra work that the workshop proposes."""

from __future__ import annotations

from collections.abc import Sequence

from voicecore.call.history import HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.consent import consented
from voicecore.dialog.desk import CallDesk, ReadBack, plain_text
from voicecore.dialog.spoken_time import spoken_price
from voicecore.dialog.tool_outcome import ToolOutcome, answer, problem
from voicecore.dialog.workshop import Estimate

ANSWER = "answer_estimate"
APPROVE, DECLINE = "approve", "decline"


async def load_estimates(desk: CallDesk) -> list[dict[str, object]]:
    """Return the caller's open estimates by handle; asked anew, as they change meanwhile."""
    record = desk.identity.record
    if record is None:
        return []
    found = await desk.workshop.open_estimates(record.customer.customer_id)
    desk.estimates.clear()
    return [
        {
            "estimate": desk.estimates.put(entry.estimate_id, entry),
            "work": plain_text(entry.work),
            "price_spoken": spoken_price(entry.price_cents),
        }
        for entry in found
    ]


async def answer_estimate(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Read work and price back; pass the word on once the caller has said yes to that."""
    handle, word = arguments["estimate"], arguments["answer"]
    key = (ANSWER, handle, word)
    if key in desk.done:
        return answer(desk.done[key])
    estimate = desk.estimates.get(handle)
    record = desk.identity.record
    if estimate is None or record is None:
        return problem("unknown_estimate", phrases.ASK_NO_ESTIMATE)
    say = _read_back(estimate, word)
    pending = desk.pending.get(ANSWER)
    read_back = ReadBack(key, say, ())
    desk.pending[ANSWER] = read_back
    if pending != read_back or not consented(
        history, tool=ANSWER, say=say, moments=(), today=desk.now().date()
    ):
        return answer({"status": "read_back", "say": say})
    approved = word == APPROVE
    passed_on = await desk.workshop.answer_estimate(
        estimate.estimate_id,
        customer_id=record.customer.customer_id,
        approved=approved,
        call_sid=desk.call_sid,
    )
    desk.pending.pop(ANSWER, None)
    if not passed_on:
        return problem("not_passed_on", phrases.SAY_FAILED)
    desk.ledger.record_estimate(approved=approved)
    desk.estimates.clear()
    desk.done[key] = {"status": "approved" if approved else "declined", "estimate": handle}
    return answer(desk.done[key])


def _read_back(estimate: Estimate, word: str) -> str:
    template = phrases.READ_BACK_APPROVE if word == APPROVE else phrases.READ_BACK_DECLINE
    return template.format(work=plain_text(estimate.work), price=spoken_price(estimate.price_cents))
