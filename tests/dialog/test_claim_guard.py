from __future__ import annotations

import pytest

from tests.dialog.shop_world import NOW, THURSDAY_TWO
from voicecore.dialog.claim_guard import claimed_deeds, false_claim
from voicecore.dialog.ledger import Booking, Ledger

TODAY = NOW.date()
CLAIMS = [
    "You're booked for Thursday.", "I've booked that for you!", "All booked.", "Booked!",
    "Your appointment is confirmed.", "You are all set.", "That's all taken care of.", "Done.",
    "Okay, done!", "I have you down for two p.m.", "You're down for Thursday.", "It is scheduled.",
    "I've got you in on Thursday at two.", "See you on Thursday!", "Your spot is reserved.",
    "I've sent you a text.", "The confirmation is on its way.", "I texted you the details.",
    "I've cancelled your appointment.", "Your visit has been canceled.", "I moved it to Friday.",
    "I've rescheduled you.", "It's in the system.", "I have updated your number.",
    "It went through.",
    "You're confirmed for Thursday, okay?", "Great news, it's booked.", "I just booked it.",
    "I made the appointment.", "Your appointment is now on Friday at nine.",
    "Everything is arranged.", "Your oil change is set for Thursday.", "You're good to go.",
    "Consider it done.", "We look forward to seeing you.", "We are expecting you at two.",
    "Your confirmation number is five.", "You have an appointment on Friday.", "That's booked.",
    "I've gone ahead and booked the slot.", "Perfect, I have scheduled your visit.",
]  # fmt: skip
NO_CLAIMS = [
    "Shall I book it?", "Great, shall I book that for you?", "Would you like it booked?",
    "I can book that.", "Let me check the schedule.", "It is not booked yet.",
    "Once it's booked, I will send a text.", "If it is cancelled, you get a text.",
    "We are fully booked on Friday.", "What would you like changed?", "Is Thursday booked?",
    "I'll get you booked in.", "The oil change costs forty-nine dollars.", "One moment please.",
    "I have Thursday at two p.m. or Friday at nine a.m.; which suits you?",
    "Your last visit was on March fourth for an oil change.", "Do you want it cancelled?",
    "Nothing has been booked so far.", "I have not cancelled anything.", "Thank you, Maria.",
    "Your last oil change was done on March fourth.", "When would you like to be scheduled?",
    "Thursday works. Should I book it?", "I am going to book it now.", "Who should be texted?",
    "I can see you on file.", "If you have an appointment, I can move it.",
    "Do you have an appointment?", "I can send a confirmation after that.",
]  # fmt: skip


@pytest.mark.parametrize("sentence", CLAIMS)
def test_a_claim_is_false_on_an_empty_ledger(sentence: str) -> None:
    assert false_claim(sentence, Ledger(), TODAY)


@pytest.mark.parametrize("sentence", NO_CLAIMS)
def test_questions_offers_and_negations_are_no_claims(sentence: str) -> None:
    assert claimed_deeds(sentence) == []


def booked() -> Ledger:
    ledger = Ledger()
    ledger.record_booking(Booking(1, "Oil change", "Bay 2", THURSDAY_TWO, None))
    return ledger


@pytest.mark.parametrize(
    "sentence",
    [
        "You're booked for Thursday, November twenty-sixth at two p.m., in Bay two.",
        "You're booked for November 26 at 2 PM.",
        "Your appointment is confirmed.",
        "You're all set!",
        "See you on Thursday.",
    ],
)
def test_what_the_ledger_shows_may_be_said(sentence: str) -> None:
    assert not false_claim(sentence, booked(), TODAY)


@pytest.mark.parametrize(
    "sentence",
    [
        "You're booked for Friday.",
        "You're booked for Thursday at three p.m.",
        "You're booked for tomorrow.",
        "I've cancelled it.",
        "I've moved you to Thursday at two p.m.",
        "You're booked, and I've sent you a text.",
    ],
)
def test_another_deed_or_time_than_the_ledgers_is_false(sentence: str) -> None:
    assert false_claim(sentence, booked(), TODAY)


def test_each_deed_allows_its_own_claim() -> None:
    ledger = booked()
    ledger.record_sms("SM1", 1)
    assert not false_claim("You're booked, and I've sent you a text.", ledger, TODAY)
    ledger.record_move(1, 1, THURSDAY_TWO.replace(day=27))
    assert not false_claim("I've moved you to Friday.", ledger, TODAY)
    assert false_claim("You're booked for Thursday.", ledger, TODAY)
    ledger.record_cancellation(1, THURSDAY_TWO.replace(day=27))
    assert not false_claim("Your appointment on Friday is cancelled.", ledger, TODAY)
    assert false_claim("You're booked for Friday.", ledger, TODAY)
    ledger.record_update()
    assert not false_claim("I've updated your email.", ledger, TODAY)


def test_an_appointment_on_file_may_be_named_but_is_no_deed_of_this_call() -> None:
    ledger = Ledger()
    ledger.know_appointment(1, THURSDAY_TWO)
    assert not false_claim("You're booked for Thursday at two p.m.", ledger, TODAY)
    assert false_claim("I've booked it for you.", ledger, TODAY)
    assert false_claim("You're all set.", ledger, TODAY)
