"""Free times, chosen so that three of them give a real choice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from voicecore.call.history import HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.desk import CallDesk, OfferedSlot
from voicecore.dialog.ports import Service, Slot
from voicecore.dialog.slots import SlotProblem, parse_day
from voicecore.dialog.spoken_time import spoken_date, spoken_when
from voicecore.dialog.tool_outcome import ToolOutcome, answer, problem

MOST_OFFERS = 3
NOON = 12
PREFETCH_DAYS = 7
PREFETCH_LIMIT = 60
_SEARCH_DAYS = (7, 28)
_SEARCH_LIMIT = 200
_APART = timedelta(minutes=60)


async def get_available_slots(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Offer up to three free times for a service from a day on."""
    service = await desk.service(arguments["service"])
    if isinstance(service, SlotProblem):
        return problem(service.error, service.ask)
    part = arguments.get("part_of_day", "any")
    earliest = desk.now()
    if "from" in arguments:
        day = parse_day(arguments["from"], now=earliest)
        if isinstance(day, SlotProblem):
            return problem(day.error, day.ask)
        midnight = datetime.combine(day, time(), tzinfo=earliest.tzinfo)
        earliest = max(earliest, midnight)
    found = await _search(desk, service, earliest, part)
    offers = _choose([desk.local(slot.start) for slot in found])
    if not offers:
        return answer({"slots": [], "ask": phrases.ASK_NO_SLOTS})
    result: dict[str, object] = {"slots": offer(desk, service.code, offers)}
    if "from" in arguments and offers[0].date() != earliest.date():
        result["note"] = phrases.NOTE_OTHER_DAY.format(day=spoken_date(earliest.date()))
    return answer(result)


def offer(desk: CallDesk, service_code: str, starts: Sequence[datetime]) -> list[dict[str, object]]:
    """Give each time a handle and a spoken form."""
    return [
        {
            "slot": desk.slots.put((start, service_code), OfferedSlot(start, service_code)),
            "start": start.isoformat(),
            "spoken": spoken_when(start),
        }
        for start in starts
    ]


def alternatives(
    desk: CallDesk, service_code: str, slots: Sequence[Slot]
) -> list[dict[str, object]]:
    """Offer what is free instead of a time that was taken."""
    return offer(desk, service_code, [desk.local(slot.start) for slot in slots[:MOST_OFFERS]])


async def _search(desk: CallDesk, service: Service, earliest: datetime, part: str) -> list[Slot]:
    if (ahead := desk.slots_ahead(service.code)) and part == "any":
        fresh = [slot for slot in ahead if slot.start >= earliest]
        if fresh and desk.local(fresh[0].start).date() == earliest.date():
            return fresh
    for days in _SEARCH_DAYS:
        slots = await desk.schedule.free_slots(
            service.code,
            earliest=earliest,
            latest=earliest + timedelta(days=days),
            limit=_SEARCH_LIMIT,
        )
        fits = [slot for slot in slots if _in_part(desk.local(slot.start), part)]
        if fits:
            return fits
    return []


def _in_part(start: datetime, part: str) -> bool:
    return part == "any" or (start.hour < NOON) == (part == "morning")


def _choose(starts: Sequence[datetime]) -> list[datetime]:
    """Take up to three times, at least an hour apart while that is possible."""
    chosen: list[datetime] = []
    ordered = sorted(starts)
    for start in ordered:
        if len(chosen) < MOST_OFFERS and (not chosen or start - chosen[-1] >= _APART):
            chosen.append(start)
    for start in ordered:
        if len(chosen) < MOST_OFFERS and start not in chosen:
            chosen.append(start)
    return sorted(chosen)
