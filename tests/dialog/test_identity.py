from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.dialog.shop_world import MARIA, MARIA_PHONE, NOW, OTHER_PHONE
from voicecore.dialog.identity import MOST_CODE_TRIES, Identity, Rung


def test_the_own_line_and_its_number_said_are_enough() -> None:
    identity = Identity(MARIA_PHONE)
    assert identity.prove(MARIA_PHONE, [MARIA], name="", plate="") is MARIA
    assert identity.rung is Rung.ANONYMOUS
    identity.become(MARIA, MARIA_PHONE)
    assert identity.rung is Rung.ONE_FACT


@pytest.mark.parametrize("caller", [None, OTHER_PHONE])
def test_from_another_line_a_fact_is_needed(caller: str | None) -> None:
    identity = Identity(caller)
    assert identity.prove(MARIA_PHONE, [MARIA], name="", plate="") is None
    assert identity.rung is Rung.ANONYMOUS
    assert identity.prove(MARIA_PHONE, [MARIA], name="lopez", plate="") is MARIA
    other = Identity(caller)
    assert other.prove(MARIA_PHONE, [MARIA], name="", plate="abc 1234") is MARIA


def test_a_first_name_alone_proves_nothing_from_another_line() -> None:
    assert Identity(None).prove(MARIA_PHONE, [MARIA], name="Maria", plate="") is None
    assert Identity(MARIA_PHONE).prove(MARIA_PHONE, [MARIA], name="Maria", plate="") is MARIA


def test_three_wrong_facts_lock_the_call() -> None:
    identity = Identity(None)
    for _ in range(3):
        assert identity.prove(MARIA_PHONE, [MARIA], name="Smith", plate="") is None
    assert identity.locked
    assert identity.prove(MARIA_PHONE, [MARIA], name="Lopez", plate="") is None


def test_two_people_with_one_number_are_told_apart_by_name() -> None:
    juan = replace(MARIA, customer=replace(MARIA.customer, customer_id=2, first_name="Juan"))
    identity = Identity(MARIA_PHONE)
    assert identity.prove(MARIA_PHONE, [MARIA, juan], name="", plate="") is None
    assert identity.prove(MARIA_PHONE, [MARIA, juan], name="Juan", plate="") is juan


def test_the_code_opens_the_last_rung_once() -> None:
    identity = Identity(MARIA_PHONE)
    identity.become(MARIA, MARIA_PHONE)
    code = identity.issue_code(NOW)
    assert len(code) == 6
    assert code.isdigit()
    assert identity.check_code(" ".join(code), NOW)
    assert identity.rung is Rung.SMS_CODE
    assert not identity.check_code(code, NOW)


def test_the_code_ends_with_time_and_tries() -> None:
    identity = Identity(MARIA_PHONE)
    assert not identity.check_code("123456", NOW)
    code = identity.issue_code(NOW)
    assert not identity.check_code(code, NOW + timedelta(minutes=11))
    wrong = "000000" if code != "000000" else "000001"
    for _ in range(MOST_CODE_TRIES):
        assert not identity.check_code(wrong, NOW)
    assert not identity.check_code(code, NOW)


def test_another_person_starts_again_below_the_code() -> None:
    identity = Identity(MARIA_PHONE)
    identity.become(MARIA, MARIA_PHONE)
    identity.check_code(identity.issue_code(NOW), NOW)
    identity.become(replace(MARIA, visits=()), MARIA_PHONE)
    assert identity.rung is Rung.SMS_CODE
    other = replace(MARIA, customer=replace(MARIA.customer, customer_id=2))
    identity.become(other, MARIA_PHONE)
    assert identity.rung is Rung.ONE_FACT
