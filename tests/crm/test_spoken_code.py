from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.spelling import spelled
from crm.spoken_code import spoken_code


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("", ""),
        ("B K seven four two one nine", "BK74219"),
        ("bk-74219", "BK74219"),
        ("bravo kilo, seventy-four two nineteen", "BK74219"),
        ("B as in Bravo, K as in Kilo", "BK"),
        ("b for boy k like king", "BK"),
        ("T like in Tango", "T"),
        ("C as in Tango", "T"),
        ("double B triple five", "BB555"),
        ("double you x-ray why", "WXY"),
        ("double-u", "W"),
        ("oh oh seven", "007"),
        ("nineteen hundred", "1900"),
        ("two thousand", "2000"),
        ("twelve fifty-five", "1255"),
        ("twenty", "20"),
        ("ninety oh one", "9001"),
        ("sixty hundred", "6000"),
        ("bee see dee gee jay pee tee vee zed", "BCDGJPTVZ"),
        ("my plate is A B C", "ABC"),
        ("it's the number 7 please", "7"),
        ("a one b two", "A1B2"),
        ("k for 4", "K44"),
        ("LOVE", "LOVE"),
        ("１２３", "123"),
        ("niner", "9"),
    ],
)
def test_codes_are_read(said: str, code: str) -> None:
    assert spoken_code(said) == code


@pytest.mark.parametrize(
    "said",
    ["I don't know", "let me look", "no idea, sorry", "ÄÖ 12", "double", "double seven hundred",
     "the other car", "a" * 401],
)  # fmt: skip
def test_sentences_are_no_codes(said: str) -> None:
    assert spoken_code(said) is None


@given(st.text("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", max_size=17))
def test_what_we_spell_out_is_read_back(code: str) -> None:
    assert spoken_code(", ".join(spelled(char) for char in code)) == code


@given(st.text(st.characters(), max_size=100))
def test_any_text_is_a_code_of_capitals_and_digits_or_none(said: str) -> None:
    code = spoken_code(said)
    assert code is None or all(char.isascii() and char.isalnum() for char in code)
    assert code is None or code == code.upper()


MIXED = "double triple hundred twenty five for as in like to b tango plate oh you thousand"


@given(st.lists(st.sampled_from(MIXED.split()), max_size=30))
def test_number_words_in_any_order_are_read_or_refused(words: list[str]) -> None:
    code = spoken_code(" ".join(words))
    assert code is None or code.isalnum() or code == ""
