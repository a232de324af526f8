from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.sound import SOUND_MAX_CHARS, folded_name, sound_key

ALIKE = """
Smith Smyth Schmidt Schmitt|Brian Bryan|Catherine Katherine Kathryn Cathryn|Stephen Steven Stefan
Thompson Tomson Thomson|John Jon|Shawn Sean Shaun|Geoffrey Jeffrey|Geoff Jeff|Meyer Maier Mayer Myer
Lee Leigh Li|Reid Read Reed|Wright Right Rite|Knight Night|Pfeiffer Fifer|Schwartz Swartz Schwarz
Rodriguez Rodrigues|Gonzalez Gonzales|Jimenez Gimenez|Peterson Petersen Pedersen|Allen Alan Allan
Phillips Philips Filips|Carr Kerr|Cohen Cohn Kohn|O'Connor OConner O’Connor O_Connor
MacDonald McDonald|McKay Mackay|Jackson Jaxon|Dickson Dixon|Stewart Stuart|Clark Clarke|Hughes Hews
Nguyễn Nguyen Win Wynn|O'Brien OBrien o_brien|De_La_Cruz Delacruz|García Garcia GARCIA|Muñoz Munoz
Zachary Zackary|Christopher Kristofer|Schneider Snyder|Simpson Simson|Callahan Callaghan|Singh Sing
Mohamed Mohammed Muhammad|Sarah Sara|Anthony Antony|Schultz Schulz|Xavier Zavier|McIntyre MacIntyre
Rachel Rachael|Michael Mikel|Müller Muller|Patricia Patrisha|Smith-Jones Smith_Jones SmithJones
Vaughn Von|George Jorj|Bach Bock|Aaron Erin|Łukas Lukas|Wojcik Wojcick
ＳＭＩＴＨ smith|Smith_Jr. Smith
"""
DIFFERENT = """
Lopez Garcia Smith Jones Kim Chen Brown Davis Miller Wilson Moore Taylor Baker Parker Walker Hall
Bell Johnson Jackson White Harris Martin Clark Lewis Young King Wright Scott Green Adams
"""


@pytest.mark.parametrize("names", ALIKE.replace("\n", "|").strip("|").split("|"))
def test_spellings_of_one_sound_have_one_key(names: str) -> None:
    keys = {name: sound_key(name.replace("_", " ")) for name in names.split()}
    assert len(set(keys.values())) == 1, keys


def test_common_names_have_keys_of_their_own() -> None:
    keys = [sound_key(name) for name in DIFFERENT.split()]
    assert len(set(keys)) == len(DIFFERENT.split())


@pytest.mark.parametrize("name", ["", " ", "'", "-", "\0", "\ud800", "\u0301"])
def test_where_there_is_nothing_to_hear_there_is_no_key(name: str) -> None:
    assert sound_key(name) == ""


def test_other_scripts_are_their_own_keys() -> None:
    assert sound_key("李雷") == "李雷"
    assert sound_key("ИВАНОВА") == sound_key("Иванова") != ""


@given(st.text(st.characters(), max_size=200))
def test_any_text_has_a_short_key_that_ignores_case_and_marks(name: str) -> None:
    key = sound_key(name)
    assert len(key) <= SOUND_MAX_CHARS
    assert sound_key(f" {name}' ") == key
    key.encode()


@given(st.from_regex(r"[A-Za-z]{1,20}", fullmatch=True))
def test_a_name_of_letters_always_has_a_key(name: str) -> None:
    assert sound_key(name) == sound_key(name.upper()) == sound_key(name.lower()) != ""


def test_ten_thousand_characters_are_read_in_one_pass() -> None:
    assert len(sound_key("lopez" * 2000)) == SOUND_MAX_CHARS


def test_spellings_are_compared_without_marks_and_signs() -> None:
    assert folded_name("D'Ángelo-Øst") == "dangeloost"
