"""Booking by hand: what `slots` and `book` print, and their exit codes."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from click.testing import Result
from typer.testing import CliRunner

import cli
from scheduler.public_holidays import PublicHolidays
from voicecore.config import Settings
from voicecore.sandbox.child import free_port

ZONE = ZoneInfo("America/Chicago")


def _monday() -> datetime:
    """Ten o'clock of a Monday some weeks ahead that is no public holiday."""
    day = datetime.now(ZONE).replace(hour=10, minute=0, second=0, microsecond=0)
    day += timedelta(days=21 - day.weekday())
    while day.date() in PublicHolidays():
        day += timedelta(days=7)
    return day


WANTED = _monday()
DAY = WANTED.date().isoformat()
START = WANTED.replace(tzinfo=None).isoformat()
SUNDAY = (WANTED - timedelta(days=1)).date().isoformat()
PLACE = ("state_inspection", "--at", START)
FOR_MARIA = (*PLACE, "--customer", "(312) 555-0142")


@pytest.fixture(autouse=True)
async def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, crm_dsn: str) -> str:
    """A folder without `.env`, and a shop with two people: Maria has one car, Sam two."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATABASE_URL", crm_dsn)
    conn = await asyncpg.connect(crm_dsn, timeout=10)
    await conn.execute(
        """
        INSERT INTO customers (customer_id, first_name, last_name)
        VALUES (1, 'Maria', 'Lopez'), (2, 'Sam', 'Lopez');
        INSERT INTO customer_phones (customer_id, phone_e164)
        VALUES (1, '+13125550142'), (1, '+13125550199'), (2, '+13125550199');
        INSERT INTO vehicles (vehicle_id, customer_id, year, make, model, plate, vin)
        VALUES (11, 1, 2019, 'Toyota', 'Camry', 'ABC123', '4T1B11HK5KU000011'),
               (21, 2, 2020, 'Honda', 'Accord', NULL, '1HGCV1F30LA000021'),
               (22, 2, 2022, 'Honda', 'Civic', 'XYZ789', '2HGFE2F50NH000022');
        """
    )
    await conn.close()
    return crm_dsn


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def _json(*arguments: str, code: int = 0) -> dict[str, Any]:
    result = _run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (code, "")
    told = json.loads(result.stdout)
    assert isinstance(told, dict)
    return told


def test_slots_are_shown_for_a_day_and_a_part_of_it() -> None:
    told = _json(
        *("slots", "State Inspection", "--from", DAY, "--days", "1"),
        *("--part-of-day", "afternoon", "--limit", "2", "--technician", "priya"),
    )
    starts = [datetime.fromisoformat(slot["start"]) for slot in told["slots"]]
    assert (told["status"], told["timezone"]) == ("free", "America/Chicago")
    noon = WANTED + timedelta(hours=2)
    assert starts == [noon, noon + timedelta(minutes=30)]
    assert starts[0].utcoffset() == noon.utcoffset()
    assert told["slots"][0]["bays"] == ["Bay 5"]
    assert told["slots"][0]["technicians"] == ["Priya Raman"]


def test_three_times_are_offered_to_a_caller() -> None:
    day = ("slots", "state_inspection", "--from", DAY, "--days", "7", "--offer")
    soonest = [datetime.fromisoformat(slot["start"]) for slot in _json(*day, "soonest")["slots"]]
    assert [start.hour for start in soonest] == [8, 9, 10]
    spread = [datetime.fromisoformat(slot["start"]) for slot in _json(*day, "spread")["slots"]]
    assert len({start.date() for start in spread}) == 3


def test_slots_are_a_table_on_the_terminal() -> None:
    result = _run("slots", "state_inspection", "--from", START, "--limit", "1")
    said, head, row = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert said.startswith(f"State inspection, 60 min: free from Mon {DAY} 10:00")
    assert head.split() == ["DAY", "FROM", "UNTIL", "BAYS", "TECHNICIANS"]
    assert row.split()[:6] == ["Mon", DAY, "10:00", "11:00", "Bay", "5"]


def test_a_closed_day_is_told_from_a_full_one() -> None:
    closed = _json("slots", "oil_change", "--from", SUNDAY, "--days", "1", code=1)
    assert (closed["status"], closed["slots"]) == ("closed", [])
    evening = (WANTED + timedelta(hours=7, minutes=50)).replace(tzinfo=None).isoformat()
    full = _json("slots", "oil_change", "--from", evening, "--days", "1", code=1)
    assert (full["status"], full["slots"]) == ("nothing_free", [])


async def test_a_booking_is_held_confirmed_and_written_down(shop: str) -> None:
    booked = await asyncio.to_thread(_json, "book", *FOR_MARIA)
    assert booked["status"] == "booked"
    assert booked["customer"]["name"] == "Maria Lopez"
    assert booked["appointment"] == {
        "appointment_id": booked["appointment"]["appointment_id"],
        "customer_id": 1,
        "vehicle_id": 11,
        "service": "state_inspection",
        "status": "confirmed",
        "start": WANTED.isoformat(),
        "end": (WANTED + timedelta(hours=1)).isoformat(),
        "bay": "Bay 5",
    }
    conn = await asyncpg.connect(shop, timeout=10)
    try:
        # The calendar follows as it follows the agent.
        assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 1
        assert await conn.fetchval("SELECT array_agg(DISTINCT actor) FROM appointment_events") == [
            "engineer"
        ]
    finally:
        await conn.close()


def test_the_same_car_is_not_booked_twice_and_a_taken_time_has_alternatives() -> None:
    first = _json("book", *FOR_MARIA)["appointment"]
    again = _json("book", *FOR_MARIA, code=1)
    assert (again["status"], again["appointment"]) == ("already_booked", first)

    taken = _json("book", *PLACE, "--customer", "2", "--vehicle", "22", code=1)
    assert (taken["status"], len(taken["slots"])) == ("taken", 3)
    result = _run("book", *PLACE, "--customer", "2", "--vehicle", "22")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 5


def test_a_hold_is_confirmed_or_released_later() -> None:
    held = _json("book", *PLACE, "--vehicle", "abc 123", "--hold")
    assert (held["status"], held["customer"]["customer_id"]) == ("held", 1)
    key = held["hold"]["hold_id"]
    first = _json("book", "--confirm", key)
    assert first["status"] == "booked"
    assert _json("book", "--confirm", key) == first

    later = (WANTED + timedelta(hours=2)).isoformat()
    held = _json("book", "oil_change", "--at", later, "--customer", "1", "--hold")
    key = held["hold"]["hold_id"]
    assert _json("book", "--release", key)["status"] == "released"
    assert _json("book", "--confirm", key, code=1)["status"] == "expired"


def test_an_appointment_is_moved_and_cancelled() -> None:
    number = str(_json("book", *FOR_MARIA)["appointment"]["appointment_id"])
    later = (WANTED + timedelta(hours=2)).isoformat()
    moved = _json("book", "--reschedule", number, "--at", later)
    assert (moved["status"], moved["appointment"]["start"]) == ("rescheduled", later)

    gone = _json("book", "--cancel", number, code=1)
    assert (gone["status"], "it is rescheduled" in gone["message"]) == ("not_changeable", True)
    number = str(moved["appointment"]["appointment_id"])
    result = _run("book", "--cancel", number, "--customer", "2")
    assert (result.exit_code, result.stdout) == (2, "")
    assert _json("book", "--cancel", number, "--customer", "1")["status"] == "cancelled"
    assert _json("book", "--cancel", number)["status"] == "cancelled"


MISTAKES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("slots", "moon_flight"), "service 'moon_flight' is unknown; there are: battery_check,"),
    (("slots", "oil_change", "--days", "61"), "--days is not between 1 and 60"),
    (("slots", "oil_change", "--same-technician"), "--same-technician needs --customer"),
    (("slots", "oil_change", "--technician", "x"), "--technician 'x' is unknown"),
    (("book",), "book needs one of SERVICE"),
    (("book", "oil_change", "--cancel", "1"), "book needs one of SERVICE"),
    (("book", "oil_change", "--customer", "1"), "--at is missing"),
    (("book", "--cancel", "1", "--at", START), "--at does not go with --cancel"),
    (("book", *PLACE), "--customer is missing"),
    (("book", *PLACE, "--customer", "77"), "--customer '77' is unknown"),
    (("book", *PLACE, "--customer", "3125550199"), "is shared by 1 Maria Lopez, 2 Sam Lopez"),
    (("book", *PLACE, "--customer", "2"), "--vehicle is missing, and this customer has 22"),
    (("book", *PLACE, "--customer", "1", "--vehicle", "22"), "none of this customer's: 11"),
    (("book", *PLACE, "--vehicle", "NOPE"), "--vehicle 'NOPE' is no plate or VIN on file"),
    (("book", "oil_change", "--at", f"{SUNDAY}T10:00", "--customer", "1"), "shop is closed"),
    (("book", "oil_change", "--at", f"{DAY}T20:00", "--customer", "1"), "08:00-18:00"),
    (("book", "--cancel", "77"), "appointment 77 is unknown"),
)


def test_what_cannot_be_meant_is_one_line_and_exit_code_2() -> None:
    for arguments, says in MISTAKES:
        result = _run(*arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        (line,) = result.stderr.splitlines()
        assert says in line


def test_bad_input_is_json_too() -> None:
    result = _run("book", *PLACE, "--customer", "77", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "status": "bad_input",
        "message": "--customer '77' is unknown",
    }


def test_without_a_database_the_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    result = _run("slots", "oil_change")
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        "DATABASE_URL: is missing, and slots needs it\n",
    )


def test_a_database_that_is_down_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://a:hush@127.0.0.1:{free_port()}/none")
    result = _run("book", *FOR_MARIA, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("database: connect")
    assert "hush" not in result.stderr
