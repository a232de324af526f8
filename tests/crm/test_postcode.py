from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.postcode import Postcode, read_postcode
from crm.problem import Problem


@pytest.mark.parametrize(
    ("said", "code", "country"),
    [
        ("60614", "60614", "US"),
        (" 6 0 6 1 4 ", "60614", "US"),
        ("six oh six one four", "60614", "US"),
        ("nine oh two one oh", "90210", "US"),
        ("oh two one three nine", "02139", "US"),
        ("O2139", "02139", "US"),
        ("my zip code is sixty six one four", None, None),
        ("60614-1234", "60614-1234", "US"),
        ("606141234", "60614-1234", "US"),
        ("00501", "00501", "US"),
        ("99950", "99950", "US"),
        ("00500", None, None),
        ("99999", None, None),
        ("k1a 0b1", "K1A 0B1", "CA"),
        ("K1AOB1", "K1A 0B1", "CA"),
        ("kilo one alfa zero bravo one", "K1A 0B1", "CA"),
        ("Z1A 0B1", None, None),
        ("D1A 0B1", None, None),
        ("K1D 0B1", None, None),
        ("SW1A 1AA", None, None),
        ("6061", None, None),
        ("", None, None),
        ("Chicago", None, None),
    ],
)
def test_postcodes(said: str, code: str | None, country: str | None) -> None:
    found = read_postcode(said)
    if code is None or country is None:
        assert isinstance(found, Problem)
        assert (found.field, found.ask[-1] in "?.") == ("postcode", True)
    else:
        assert found == Postcode(code, country)


@given(st.integers(501, 99950), st.none() | st.integers(0, 9999))
def test_every_zip_code_in_range_is_read(zip_code: int, plus: int | None) -> None:
    code = f"{zip_code:05d}" if plus is None else f"{zip_code:05d}-{plus:04d}"
    assert read_postcode(code) == Postcode(code, "US")


@given(st.text(st.characters(), max_size=40))
def test_any_text_is_a_postcode_or_a_problem(said: str) -> None:
    found = read_postcode(said)
    if isinstance(found, Postcode):
        assert read_postcode(found.code) == found
        assert len(found.code) <= 16
