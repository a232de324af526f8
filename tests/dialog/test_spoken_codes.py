"""Plates and VINs; their forms are in `spoken_forms.py`."""

from __future__ import annotations

import random
from datetime import date

import pytest

from crm.slot_readers import SlotReaders
from crm.vin import with_check_digit
from crm.vin_repair import said_alike
from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.spelling import TELEPHONE_WORDS
from voicecore.dialog.spoken_codes import read_plate, read_vin

READERS = SlotReaders(lambda: date(2026, 11, 24))
HEADS = ("4T1B11HK", "2HGFC2F5", "1FTEW1EP", "5J6RW2H8", "1FMCU9GX", "JTMW1RFV")
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def spoken(vin: str, draw: random.Random) -> str:
    """Say a VIN the way people do: letters alone or with a word, digits as figures or words."""
    words = []
    for character in vin:
        if character.isdigit():
            words.append(draw.choice([character, _DIGITS[int(character)]]))
        else:
            word = TELEPHONE_WORDS[character].lower()
            words.append(draw.choice([character, word, f"{character} as in {word}"]))
    return " ".join(words)


def vins(count: int, draw: random.Random) -> list[str]:
    return [
        with_check_digit(f"{draw.choice(HEADS)}0KU{draw.randrange(10**6):06}") for _ in range(count)
    ]


def test_a_vin_is_never_taken_for_another_one_whatever_is_misheard() -> None:
    draw = random.Random(5)
    taken = 0
    for vin in vins(120, draw):
        heard = list(vin)
        for place in draw.sample(range(17), draw.choice([0, 1, 1, 2])):
            heard[place] = draw.choice([*said_alike(vin[place]), vin[place]])
        found = read_vin(spoken("".join(heard), draw), READERS, on_file=[vin])
        assert found == vin or isinstance(found, SlotProblem)
        taken += found == vin
    assert taken > 20


def test_a_vin_on_file_that_is_said_clearly_is_taken() -> None:
    draw = random.Random(7)
    for vin in vins(40, draw):
        assert read_vin(spoken(vin, draw), READERS, on_file=[vin]) == vin


def test_a_slip_that_is_put_right_is_put_right() -> None:
    vin = "1HGCM82633A004352"
    said = "1 H G C M 8 2 6 3 3 A 0 0 4 3 5 5, no wait, 2"
    assert read_vin(said, READERS, on_file=[vin]) == vin


@pytest.mark.parametrize("said", ["no", "let me see", "", "A B", "B as in dog one two three"])
def test_what_is_no_plate_is_asked_for(said: str) -> None:
    problem = read_plate(said, READERS)
    assert isinstance(problem, SlotProblem)
    assert problem.ask.endswith("?")
