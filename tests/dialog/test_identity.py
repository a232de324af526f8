from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.dialog.shop_world import MARIA, MARIA_PHONE, NOW, OTHER_PHONE
from voicecore.dialog.identity import MOST_CODE_TRIES, Identity, NotProvedError, Rung


def known_maria() -> Identity:
    """Maria, who has called from her own line and said its number."""
    identity = Identity(MARIA_PHONE)
    assert identity.prove(MARIA_PHONE, [MARIA], name="", plate="") is MARIA
    identity.become(MARIA, MARIA_PHONE)
    return identity


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
    identity = known_maria()
    code = identity.issue_code(NOW)
    assert code is not None
    assert len(code) == 6
    assert code.isdigit()
    assert identity.check_code(" ".join(code), NOW)
    assert identity.rung is Rung.SMS_CODE
    assert not identity.check_code(code, NOW)


def test_the_code_ends_with_time_and_tries() -> None:
    identity = known_maria()
    assert not identity.check_code("123456", NOW)
    code = identity.issue_code(NOW)
    assert code is not None
    assert not identity.check_code(code, NOW + timedelta(minutes=11))
    wrong = "000000" if code != "000000" else "000001"
    for _ in range(MOST_CODE_TRIES):
        assert not identity.check_code(wrong, NOW)
    assert not identity.check_code(code, NOW)


def test_another_person_starts_again_below_the_code() -> None:
    identity = known_maria()
    identity.check_code(identity.issue_code(NOW) or "", NOW)
    identity.become(replace(MARIA, visits=()), MARIA_PHONE)
    assert identity.rung is Rung.SMS_CODE
    other = replace(MARIA, customer=replace(MARIA.customer, customer_id=2))
    identity.admit(2)
    identity.become(other, MARIA_PHONE)
    assert identity.principal == 2
    assert identity.rung is Rung.ONE_FACT


def test_nobody_becomes_whom_nothing_has_proved() -> None:
    identity = Identity(MARIA_PHONE)
    with pytest.raises(NotProvedError):
        identity.become(MARIA, MARIA_PHONE)
    assert identity.prove(MARIA_PHONE, [MARIA], name="Smith", plate="") is None
    with pytest.raises(NotProvedError):
        identity.become(MARIA, MARIA_PHONE)
    assert (identity.rung, identity.record, identity.principal) == (Rung.ANONYMOUS, None, None)


def test_the_third_wrong_fact_takes_the_caller_to_the_foot_of_the_ladder() -> None:
    identity = known_maria()
    identity.check_code(identity.issue_code(NOW) or "", NOW)
    assert identity.rung is Rung.SMS_CODE
    for _ in range(3):
        identity.prove(OTHER_PHONE, [], name="Smith", plate="")
    assert (identity.rung, identity.record, identity.principal) == (Rung.ANONYMOUS, None, None)
    for again in (identity.admit, lambda _: identity.become(MARIA, MARIA_PHONE)):
        with pytest.raises(NotProvedError):
            again(4711)
    assert identity.prove(MARIA_PHONE, [MARIA], name="", plate="") is None


def test_a_new_name_on_a_known_number_is_no_wrong_fact() -> None:
    identity = Identity(None)
    for _ in range(5):
        assert identity.prove_new(MARIA_PHONE, [MARIA], name="Ann Lee") is None
    assert not identity.locked
    assert identity.prove_new(MARIA_PHONE, [MARIA], name="Maria Lopez") is MARIA


def test_a_call_has_three_codes() -> None:
    identity = known_maria()
    codes = [identity.issue_code(NOW) for _ in range(4)]
    assert codes[3] is None
    assert identity.codes_sent == codes[:3]
    assert not identity.check_code(codes[0] or "", NOW) or codes[0] == codes[2]
    assert identity.check_code(codes[2] or "", NOW)
