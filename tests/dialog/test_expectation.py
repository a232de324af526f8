from __future__ import annotations

import pytest

from voicecore.call.expecting import Expecting
from voicecore.dialog import phrases
from voicecore.dialog.expectation import expected_answer


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (phrases.ASK_PHONE, "phone"),
        (phrases.ASK_PHONE_MORE.format(digits="seven"), "phone"),
        (phrases.ASK_LOOKUP_FIRST, "phone"),
        (phrases.ASK_CODE, "code"),
        (phrases.ASK_NAME, "name"),
        (phrases.ASK_SPELL_NAME, "name"),
        (phrases.ASK_EMAIL, "email"),
        (phrases.ASK_PLATE, "plate"),
        ("Sure, I can help. What is the phone number on your account?", "phone"),
        ("Please tell me your phone number.", "phone"),
        ("Could you read me the VIN?", "vin"),
        ("Do you have the VIN? It has seventeen characters.", "vin"),
        ("May I have your last name?", "name"),
        ("Great. And your last name?", "name"),
        ("What's the best number to reach you?", "phone"),
        ("And what number can we call you back on?", "phone"),
        ("Thursday at two p.m., right?", "yes_no"),
        ("Am I speaking with Maria?", "yes_no"),
        ("Is your number still right?", "yes_no"),
        ("An oil change on Thursday at two p.m. Shall I book it?", "yes_no"),
        ("Is that right?", "yes_no"),
        ("Great, would Thursday at two work for you?", "yes_no"),
        ("Is the phone number on file still right?", "yes_no"),
        ("Would you like Thursday or Friday?", None),
        ("Could you tell me which day suits you?", None),
        ("Which day would suit you?", None),
        ("Could you say that again?", None),
        (phrases.ASK_ONE_FACT, None),
        ("Is it the phone number or the license plate that you want to give me?", None),
        ("Your appointment is on Thursday. Goodbye.", None),
        ("What is your phone number? I will then look for your account and your cars.", None),
        ("", None),
        ("Fine.", None),
    ],
)
def test_the_last_question_tells_what_is_expected(said: str, kind: str | None) -> None:
    assert expected_answer(said) == (Expecting(kind) if kind else None)
