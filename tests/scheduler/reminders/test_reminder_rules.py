"""Whom to ring and when: one decision for every state of an appointment and its customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.outbound import ReminderRow
from scheduler.reminder_hours import may_ring, next_decent
from scheduler.reminder_rules import ReminderRules, RingAt, WhyNot
from scheduler.reminder_zones import STATES, US_ZONES, zones_of

CHICAGO = ZoneInfo("America/Chicago")
NOON = datetime(2027, 3, 13, 12, tzinfo=CHICAGO).astimezone(UTC)
MARIA = "+13125550142"
ROW = ReminderRow(
    appointment_id=1,
    version=1,
    status="confirmed",
    start=datetime(2027, 3, 14, 9, tzinfo=CHICAGO).astimezone(UTC),
    service_code="oil_change",
    customer_id=1,
    first_name="Maria",
    last_name="Lopez",
    region="IL",
    phone_e164=MARIA,
    opted_out=False,
    attempt_id=None,
    attempt_status=None,
    attempts=0,
    recent_calls=0,
)
RULES = ReminderRules(zone=CHICAGO, admits=frozenset({MARIA}).__contains__)


@pytest.mark.parametrize(
    ("change", "why_not"),
    [
        ({"status": "cancelled"}, WhyNot.NOT_CONFIRMED),
        ({"status": "rescheduled"}, WhyNot.NOT_CONFIRMED),
        ({"start": ROW.start - timedelta(days=1)}, WhyNot.NOT_TOMORROW),
        ({"start": ROW.start + timedelta(days=1)}, WhyNot.NOT_TOMORROW),
        ({"phone_e164": None}, WhyNot.NO_NUMBER),
        ({"phone_e164": "+13125550143"}, WhyNot.NOT_ALLOWED),
        ({"phone_e164": f"{MARIA} "}, WhyNot.NOT_ALLOWED),
        ({"opted_out": True}, WhyNot.OPTED_OUT),
        ({"attempt_status": "dialing", "attempts": 1}, WhyNot.UNDER_WAY),
        ({"attempt_status": "done", "attempts": 1}, WhyNot.ALREADY),
        ({"attempt_status": "failed", "attempts": 1}, WhyNot.ALREADY),
        ({"attempt_status": "claimed", "attempts": 1}, WhyNot.ALREADY),
        ({"recent_calls": 3}, WhyNot.TOO_OFTEN),
    ],
)
def test_who_is_not_rung(change: dict[str, object], why_not: WhyNot) -> None:
    assert RULES.decide(replace(ROW, **change), NOON) == why_not  # type: ignore[arg-type]


def test_at_a_decent_hour_the_call_is_made_at_once() -> None:
    assert RULES.decide(ROW, NOON) == RingAt(at=NOON, phone_e164=MARIA)


def test_where_nobody_answered_a_higher_cap_allows_another_call() -> None:
    tried = replace(ROW, attempt_status="claimed", attempts=1)
    assert isinstance(replace(RULES, most_attempts=2).decide(tried, NOON), RingAt)
    tried = replace(tried, attempts=2)
    assert replace(RULES, most_attempts=2).decide(tried, NOON) == WhyNot.ALREADY


def test_before_eight_the_call_waits_and_after_nine_it_is_too_late() -> None:
    early = datetime(2027, 3, 13, 0, 5, tzinfo=CHICAGO).astimezone(UTC)
    decision = RULES.decide(ROW, early)
    assert isinstance(decision, RingAt)
    assert decision.at.astimezone(CHICAGO) == datetime(2027, 3, 13, 8, tzinfo=CHICAGO)
    late = datetime(2027, 3, 13, 21, 0, tzinfo=CHICAGO).astimezone(UTC)
    assert RULES.decide(ROW, late) == WhyNot.NO_HOUR


def test_number_and_address_both_have_a_say() -> None:
    # Eight in New York is two at night in Honolulu.
    row = replace(ROW, phone_e164="+12125550142", region="HI")
    rules = replace(RULES, admits=lambda _: True)
    early = datetime(2027, 3, 13, 8, tzinfo=CHICAGO).astimezone(UTC)
    decision = rules.decide(row, early)
    assert isinstance(decision, RingAt)
    assert decision.at.astimezone(ZoneInfo("Pacific/Honolulu")).time() == time(8)


@pytest.mark.parametrize("number", ["+18005550142", "+10005550142", "+15005550142"])
def test_a_number_that_says_nothing_stands_for_all_of_the_country(number: str) -> None:
    assert {zone.key for zone in zones_of(number)} == set(US_ZONES)
    assert {zone.key for zone in zones_of(number, "IL")} == {"America/Chicago"}


def test_a_number_of_nowhere_is_not_rung() -> None:
    assert zones_of("+99999999999") == () == zones_of("nonsense")
    row = replace(ROW, phone_e164="+99999999999", region=None)
    assert replace(RULES, admits=lambda _: True).decide(row, NOON) == WhyNot.NO_ZONE


def test_every_state_has_zones_that_exist() -> None:
    assert len(STATES) == 56
    assert all(ZoneInfo(name) for zones in STATES.values() for name in zones)


NUMBERS = [f"+1{code}5550142" for code in (212, 312, 303, 602, 213, 907, 808, 671, 787, 208, 800)]
MOMENTS = st.datetimes(
    datetime(2026, 10, 30), datetime(2027, 3, 20), timezones=st.just(UTC)
)  # both changes of clocks


@given(now=MOMENTS, number=st.sampled_from(NUMBERS), region=st.sampled_from([None, *STATES]))
def test_no_hour_that_is_found_is_indecent_and_none_is_missed(
    now: datetime, number: str, region: str | None
) -> None:
    zones = zones_of(number, region)
    until = now + timedelta(days=1)
    found = next_decent(now, zones, until)
    quarters = [now + timedelta(minutes=15 * step) for step in range(97)]
    decent = [at for at in quarters if at < until and may_ring(at, zones)]
    if found is None:
        assert not decent
        return
    assert now <= found < until
    for zone in zones:
        assert time(8) <= found.astimezone(zone).time() < time(21)
    assert not decent or found <= decent[0]


@given(now=MOMENTS, hours=st.floats(-30, 60), number=st.sampled_from(NUMBERS))
def test_a_call_is_made_on_the_day_before_and_never_later(
    now: datetime, hours: float, number: str
) -> None:
    row = replace(ROW, start=now + timedelta(hours=hours), phone_e164=number)
    decision = replace(RULES, admits=lambda _: True).decide(row, now)
    if isinstance(decision, RingAt):
        day = now.astimezone(CHICAGO).date()
        assert decision.at.astimezone(CHICAGO).date() == day
        assert row.start.astimezone(CHICAGO).date() == day + timedelta(days=1)
