from __future__ import annotations

from datetime import date

from crm.slot_readers import Reading, SlotReaders

READERS = SlotReaders(lambda: date(2026, 11, 24))
VIN = "1HGCM82633A004352"


def test_what_is_sure_has_no_question() -> None:
    assert READERS.plate("b k seven four two one nine") == Reading("BK74219")
    assert READERS.email("maria at example dot com") == Reading("maria@example.com")
    assert READERS.name("maria lopez") == Reading("Maria Lopez")
    assert READERS.vin(VIN, [VIN]) == Reading(VIN)
    assert READERS.code("double a 1") == "AA1"


def test_what_is_not_sure_has_a_question_and_no_value() -> None:
    for reading in (
        READERS.plate("what plate"),
        READERS.email("maria"),
        READERS.name("123"),
        READERS.vin("too short", []),
        READERS.vin("one two three", []),
        READERS.vin(VIN, []),
        READERS.vin(VIN.replace("H", "8"), []),
    ):
        assert reading.value == ""
        assert reading.error
        assert reading.ask.endswith("?") or "." in reading.ask
    assert READERS.code("what plate") == ""
