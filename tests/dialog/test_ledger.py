from __future__ import annotations

from tests.dialog.shop_world import THURSDAY_TWO
from voicecore.dialog.ledger import Booking, Deed, Ledger

FRIDAY = THURSDAY_TWO.replace(day=27)


def test_deeds_are_kept_in_order() -> None:
    ledger = Ledger()
    ledger.record_booking(Booking(1, "Oil change", "Bay 2", THURSDAY_TWO, None))
    ledger.record_sms("SM1", 1)
    ledger.record_update()
    assert [entry.deed for entry in ledger.entries()] == [Deed.BOOKED, Deed.SENT, Deed.UPDATED]
    assert ledger.sms_for(1) is not None
    assert ledger.sms_for(2) is None
    assert ledger.summary()[0] == f"booked {THURSDAY_TWO.isoformat()}"


def test_a_move_replaces_the_old_time() -> None:
    ledger = Ledger()
    ledger.know_appointment(1, THURSDAY_TWO)
    ledger.record_move(1, 2, FRIDAY)
    assert [entry.start for entry in ledger.entries()] == [FRIDAY]


def test_a_cancelled_appointment_is_not_known_as_booked() -> None:
    ledger = Ledger()
    ledger.know_appointment(1, THURSDAY_TWO)
    ledger.record_cancellation(1, THURSDAY_TWO)
    ledger.know_appointment(1, THURSDAY_TWO)
    assert [entry.deed for entry in ledger.entries()] == [Deed.CANCELLED]


def test_what_was_on_file_for_somebody_else_is_forgotten() -> None:
    ledger = Ledger()
    ledger.know_appointment(1, THURSDAY_TWO)
    ledger.forget_records()
    assert ledger.entries() == []
    assert ledger.summary() == []
