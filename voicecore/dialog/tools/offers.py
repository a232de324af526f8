"""Free times, chosen so that three of them give a real choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from voicecore.call.history import CallerSaid, HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.desk import CallDesk, OfferedSlot
from voicecore.dialog.ports import Service, Slot
from voicecore.dialog.slots import SlotProblem, check_said_day, parse_day
from voicecore.dialog.spoken_clock import read_time
from voicecore.dialog.spoken_time import spoken_date, spoken_when
from voicecore.dialog.tool_outcome import ToolOutcome, answer, problem

MOST_OFFERS = 3
SAME_TECHNICIAN = "same_as_last_time"
PREFETCH_DAYS = 7
PREFETCH_LIMIT = 60
_SEARCH_DAYS = (7, 28)
_SEARCH_LIMIT = 200
_APART = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was asked for; `at` is the time of day, `same_technician_for` a customer."""

    earliest: datetime
    part_of_day: str
    at: time | None
    same_technician_for: int | None


async def get_available_slots(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Offer up to three free times for a service from a day on."""
    service = await desk.service(arguments["service"])
    if isinstance(service, SlotProblem):
        return problem(service.error, service.ask)
    wish = _read_wish(desk, arguments, history)
    if isinstance(wish, SlotProblem):
        return problem(wish.error, wish.ask)
    earliest = wish.earliest
    found = await _search(desk, service, wish)
    offers = _choose([desk.local(slot.start) for slot in found], wish.at)
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


def _read_wish(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> _Wish | SlotProblem:
    """Check day and time: the day against the caller's own words, the time as they said it."""
    now = earliest = desk.now()
    if "from" in arguments:
        day = parse_day(arguments["from"], now=now)
        if isinstance(day, SlotProblem):
            return day
        differs = check_said_day(day, last_words(history), now=now)
        if differs is not None:
            return differs
        earliest = max(now, datetime.combine(day, time(), tzinfo=now.tzinfo))
    at: time | None = None
    if "at" in arguments:
        clock = read_time(arguments["at"])
        if isinstance(clock, SlotProblem):
            return clock
        at = clock
    same_for: int | None = None
    if arguments.get("technician") == SAME_TECHNICIAN:
        record = desk.identity.record
        if record is None:
            return SlotProblem("not_identified", phrases.ASK_LOOKUP_FIRST)
        same_for = record.customer.customer_id
    return _Wish(earliest, arguments.get("part_of_day", "any"), at, same_for)


async def _search(desk: CallDesk, service: Service, wish: _Wish) -> Sequence[Slot]:
    is_plain = wish.part_of_day == "any" and wish.at is None and wish.same_technician_for is None
    if (ahead := desk.slots_ahead(service.code)) and is_plain:
        fresh = [slot for slot in ahead if slot.start >= wish.earliest]
        if fresh and desk.local(fresh[0].start).date() == wish.earliest.date():
            return fresh
    for days in _SEARCH_DAYS:
        slots = await desk.schedule.free_slots(
            service.code,
            earliest=wish.earliest,
            latest=wish.earliest + timedelta(days=days),
            limit=_SEARCH_LIMIT,
            part_of_day=wish.part_of_day,
            same_technician_for=wish.same_technician_for,
        )
        if slots:
            return slots
    return ()


def _choose(starts: Sequence[datetime], at: time | None = None) -> list[datetime]:
    """Take up to three times, at least an hour apart while that is possible.

    `at`: those of the first day that come closest to it instead.
    """
    if at is not None and starts:
        day = min(starts).date()
        wanted = datetime.combine(day, at, tzinfo=starts[0].tzinfo)
        near = sorted(
            (start for start in starts if start.date() == day),
            key=lambda start: (abs(start - wanted), start),
        )
        return sorted(near[:MOST_OFFERS])
    chosen: list[datetime] = []
    ordered = sorted(starts)
    for start in ordered:
        if len(chosen) < MOST_OFFERS and (not chosen or start - chosen[-1] >= _APART):
            chosen.append(start)
    for start in ordered:
        if len(chosen) < MOST_OFFERS and start not in chosen:
            chosen.append(start)
    return sorted(chosen)


def last_words(history: Sequence[HistoryItem]) -> str:
    """Return what the caller said last; empty: nothing yet."""
    return next((item.text for item in reversed(history) if isinstance(item, CallerSaid)), "")
