from __future__ import annotations

from dataclasses import replace

from voicecore.dialog.agenda import MOST_OPEN, Agenda, Known
from voicecore.dialog.ledger import Deed
from voicecore.dialog.scenarios.catalogue import ALWAYS, BY_NAME
from voicecore.dialog.scenarios.scenario import Direction

NOTHING = Known(
    deeds={}, caller=False, appointment=False, offer=False, estimate=False, pending=frozenset()
)
KNOWN = replace(NOTHING, caller=True, appointment=True)
SLOTS = {"slots": [{"slot": "slot_1"}]}
READ_BACK = {"status": "read_back"}


def phase(agenda: Agenda, name: str, known: Known) -> str:
    return agenda.phase(BY_NAME[name], known).name


def names(agenda: Agenda) -> list[str]:
    return [task.scenario.name for task in agenda.open]


def test_a_booking_goes_through_its_phases_and_is_closed_by_its_deed() -> None:
    agenda = Agenda()
    assert phase(agenda, "book", NOTHING) == "service"
    known = replace(NOTHING, offer=True)
    agenda.observe("get_available_slots", {"service": "oil_change"}, SLOTS, known)
    assert (names(agenda), phase(agenda, "book", known)) == (["book"], "caller")
    known = replace(known, caller=True)
    assert phase(agenda, "book", known) == "choose"
    known = replace(known, pending=frozenset({"book_appointment"}))
    agenda.observe("book_appointment", {}, READ_BACK, known)
    assert phase(agenda, "book", known) == "agree"
    known = replace(known, pending=frozenset(), deeds={Deed.BOOKED: 1})
    agenda.observe("book_appointment", {}, {"status": "booked"}, known)
    assert (names(agenda), phase(agenda, "book", known)) == ([], "after")
    agenda.observe("book_appointment", {}, {"status": "booked"}, known)
    assert names(agenda) == [], "the same call again is no new wish"
    agenda.observe("get_available_slots", {"service": "tires"}, SLOTS, known)
    assert (names(agenda), phase(agenda, "book", known)) == (["book"], "choose")


def test_a_correction_leads_back_to_the_choice() -> None:
    agenda = Agenda()
    known = replace(KNOWN, offer=True, pending=frozenset({"book_appointment"}))
    agenda.observe("get_available_slots", {"service": "oil_change"}, SLOTS, known)
    agenda.observe("book_appointment", {}, READ_BACK, known)
    assert phase(agenda, "book", known) == "agree"
    later = {"service": "oil_change", "from": "2026-11-26", "part_of_day": "any"}
    agenda.observe("get_available_slots", later, SLOTS, known)
    assert phase(agenda, "book", known) == "choose"
    assert (agenda.service, agenda.day) == ("oil_change", "2026-11-26")
    agenda.observe("book_appointment", {}, {"status": "taken", "slots": []}, known)
    assert phase(agenda, "book", known) == "choose"


def test_a_task_that_was_interrupted_is_taken_up_again() -> None:
    agenda = Agenda()
    agenda.observe("get_available_slots", {"service": "oil_change"}, SLOTS, KNOWN)
    agenda.observe("cancel_appointment", {}, READ_BACK, KNOWN)
    assert names(agenda) == ["book", "cancel"]
    done = replace(KNOWN, deeds={Deed.CANCELLED: 1})
    agenda.observe("cancel_appointment", {}, {"status": "cancelled"}, done)
    assert agenda.current is not None
    assert agenda.current.scenario.name == "book"


def test_wishes_for_later_do_not_take_the_floor() -> None:
    agenda = Agenda()
    agenda.wish("book", NOTHING)
    agenda.remember("questions", NOTHING, "price of brake pads")
    assert names(agenda) == ["questions", "book"]
    assert agenda.open[0].about == "price of brake pads"
    agenda.close("questions")
    agenda.wish("book", NOTHING)
    assert names(agenda) == ["book"]


def test_searching_for_times_to_move_to_is_no_wish_to_book() -> None:
    agenda = Agenda()
    agenda.wish("reschedule", KNOWN)
    agenda.observe("get_available_slots", {"service": "oil_change"}, SLOTS, KNOWN)
    assert names(agenda) == ["reschedule"]


def test_a_state_that_was_told_closes_the_wish_unless_extra_work_waits() -> None:
    agenda = Agenda()
    agenda.observe("service_status", {}, {"work": []}, KNOWN)
    assert names(agenda) == []
    waiting = replace(KNOWN, estimate=True)
    agenda.observe("service_status", {}, {"work": []}, waiting)
    assert (names(agenda), phase(agenda, "status", waiting)) == (["status"], "approve")


def test_our_own_call_offers_nothing_before_somebody_is_known() -> None:
    agenda = Agenda(Direction.OUTBOUND)
    assert agenda.tools(NOTHING) == {"note_reached", *ALWAYS}
    agenda.person = "customer"
    assert {"confirm_visit", "reschedule_appointment"} <= agenda.tools(KNOWN)
    assert "note_reached" not in Agenda().tools(KNOWN)


def test_no_caller_makes_the_list_of_wishes_endless() -> None:
    agenda = Agenda()
    for name in BY_NAME:
        agenda.wish(name, NOTHING)
    assert len(agenda.open) == MOST_OPEN
