"""Numbers as people say them on the telephone, and the digits that they mean."""

from __future__ import annotations

import pytest

from voicecore.dialog.spoken_numbers import digit_readings, phone_candidates, spoken_digits

ALONE = """
oh=0|zero=0|nought nine=09|one=1|nine=9|niner=9|ten=10|eleven=11|twelve=12|nineteen=19|twenty=20
twenty one=21|twenty-one=21|ninety-nine=99|forty two=42|fourty two=42|thirty=30|thirty thirty=3030
"""
REPEATED = """
double five=55|triple seven=777|treble seven=777|quadruple zero=0000|double oh=00|double zero=00
double oh seven=007|triple oh=000|double 5=55|triple 0=000|double nought=00|one double oh one=1001
one triple two three=12223|Double Five=55|double=|triple=
"""
JOINED = """
twelve fifty-five=1255|twelve fifty five=1255|ten ten=1010|seven eleven=711|nine one one=911
nineteen ninety nine=1999|twenty nineteen=2019|twenty oh five=2005|nineteen oh five=1905
three twelve=312|fifty fifty=5050|one twenty three=123|one twenty-three forty-five=12345
twenty ten=2010|six sixty=660|sixty six fourteen=6614|seventy four two nineteen=74219
zero zero seven=007|oh one forty-two=0142|zero one forty two=0142|o one=01|one-oh-one=101
"""
SCALED = """
one hundred=100|a hundred=100|five hundred=500|nineteen hundred=1900|fifteen hundred=1500
twenty one hundred=2100|two thousand=2000|a thousand=1000|ten thousand=10000
one hundred thousand=100000|forty five thousand=45000|one hundred five=105
one hundred and five=105|three hundred twelve=312|three hundred and twelve=312
five hundred fifty five=555|twelve hundred fifty five=1255|two thousand nineteen=2019
two thousand and nineteen=2019|two thousand five=2005|two thousand twenty six=2026
forty five thousand two hundred=45200|sixty-one thousand two hundred=61200
eighty-four thousand nine hundred=84900|one hundred and twenty thousand=120000
one hundred eighteen thousand six hundred=118600|one thousand two hundred thirty four=1234
two thousand nineteen hundred=20001900|hundred=|thousand=|312 thousand=312000
"""
IN_SPEECH = """
it's twelve=12|number is six six=66|uh six um six=66|five, five, five=555|five-five-five=555
two to=22|one for four=144|eight ate=88|one won=11|one too=12|six tree=63|to=|for=|first=|go=
O negative=|a=|a car=|4 2 1=421|(312) 555=312555|+1 312=1312|312 triple five 0142=3125550142
"""
PHONES = """
eight hundred five five five oh one four two=+18005550142
eight hundred, five five five, oh one four two=+18005550142
eight hundred 555 0142=+18005550142
eight double oh five double five oh one four two=+18005550142
three one two five five five one hundred=
three one two five five five one thousand=+13125551000
three one two five five five twelve hundred=+13125551200
three one two five five five oh one hundred=+13125550100
three one two five fifty five oh one forty two=+13125550142
three twelve triple five oh one forty-two=+13125550142
"""


def rows(table: str) -> list[tuple[str, str]]:
    cells = table.strip().replace("\n", "|").split("|")
    return [(said, meant) for said, _, meant in (cell.rpartition("=") for cell in cells)]


@pytest.mark.parametrize(
    ("said", "digits"), rows(ALONE) + rows(REPEATED) + rows(JOINED) + rows(SCALED) + rows(IN_SPEECH)
)
def test_the_usual_reading_comes_first(said: str, digits: str) -> None:
    assert spoken_digits(said) == digits


@pytest.mark.parametrize(("said", "number"), rows(PHONES))
def test_phone_numbers_with_hundreds_are_found(said: str, number: str) -> None:
    assert phone_candidates(said) == ((number,) if number else ())


@pytest.mark.parametrize(
    ("said", "readings"),
    [
        ("eight hundred five", ["805", "8005"]),
        ("eight hundred five five", ["80055", "8055"]),
        ("two thousand nineteen", ["2019", "200019"]),
        ("nineteen hundred", ["1900"]),
        ("fifty five", ["55", "505"]),
    ],
)
def test_what_can_be_read_in_two_ways_is_read_in_both(said: str, readings: list[str]) -> None:
    assert list(digit_readings(said)) == readings


def test_the_tables_hold_more_than_a_hundred_forms() -> None:
    assert sum(len(rows(table)) for table in (ALONE, REPEATED, JOINED, SCALED, IN_SPEECH)) >= 100
