"""Keys as answers."""

from __future__ import annotations

import pytest

from tests.call.playbook import Playbook
from voicecore.call.events import DigitPressed, Finish, ReplyFinished
from voicecore.call.expecting import Expecting
from voicecore.call.keypad import keypad_answer
from voicecore.call.state import Phase

OFFER = "I have Thursday at nine, Friday at ten or Monday at two. Which one suits you?"


@pytest.mark.parametrize(
    ("digits", "expecting", "asked", "answer"),
    [
        ("1", Expecting.YES_NO, "Shall I book it?", "yes"),
        ("2", Expecting.YES_NO, "Shall I book it?", "no"),
        ("3", Expecting.YES_NO, "Shall I book it?", None),
        ("12", Expecting.YES_NO, "Shall I book it?", None),
        ("1", None, OFFER, "the first one"),
        ("2", None, OFFER, "the second one"),
        ("3", None, OFFER, "the third one"),
        ("4", None, OFFER, None),
        ("3", None, "Thursday or Friday?", None),
        ("2", None, "Thursday or Friday?", "the second one"),
        ("1", None, "We are open from eight. How can I help?", None),
        ("1", None, "Thank you. Goodbye.", None),
        ("1", None, "", None),
        ("1", Expecting.PHONE, "Your number, or the one on file?", None),
        ("", None, OFFER, None),
        ("*", None, OFFER, None),
    ],
)
def test_a_key_means_what_was_asked(
    digits: str, expecting: Expecting | None, asked: str, answer: str | None
) -> None:
    assert keypad_answer(digits, expecting, asked) == answer


def asked(text: str, expecting: Expecting | None) -> Playbook:
    """The agent has asked something and was heard."""
    call = Playbook().answered().asking().sentence(text)
    call.given(ReplyFinished(call.at, call.turn, Finish.STOP, expecting))
    return call.synthesized(0, 0, 2000).playing().later(2000).heard(0).drained().then()


@pytest.mark.parametrize(("key", "word"), [("1", "yes"), ("2", "no")])
def test_one_and_two_answer_a_question_at_once(key: str, word: str) -> None:
    call = asked("Shall I book it?", Expecting.YES_NO).later(500)
    call.given(DigitPressed(call.at, key))
    assert call.state.phase is Phase.THINKING
    assert call.said()[-1] == ("caller", word)


def test_a_key_chooses_from_an_offer() -> None:
    call = asked(OFFER, None).later(500)
    call.given(DigitPressed(call.at, "2"), DigitPressed(call.at + 0.2, "#"))
    assert call.said()[-1] == ("caller", "the second one")


def test_other_digits_stay_digits() -> None:
    call = asked("What is your phone number?", Expecting.PHONE).later(500)
    for digit in "3125550142":
        call.later(200).given(DigitPressed(call.at, digit))
    assert call.said()[-1] == ("caller", "3 1 2 5 5 5 0 1 4 2")
