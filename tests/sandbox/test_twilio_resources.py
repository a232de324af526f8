"""The JSON of the REST interface."""

from __future__ import annotations

import pytest

from voicecore.sandbox.twilio_resources import error_json, formatted, page_json, segments


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("🚗" * 35, 1),
        ("🚗" * 36, 2),
    ],
)
def test_a_text_takes_so_many_messages(text: str, count: int) -> None:
    """Source: 3GPP TS 23.038 and TS 23.040."""
    assert segments(text) == count


def test_errors_and_pages_have_the_vendors_shape() -> None:
    assert error_json(400, 21211, "no") == {
        "code": 21211,
        "message": "no",
        "more_info": "https://www.twilio.com/docs/errors/21211",
        "status": 400,
    }
    page = page_json("calls", "/Calls.json", [])
    assert (page["calls"], page["next_page_uri"], page["page"]) == ([], None, 0)


def test_numbers_are_written_as_people_do() -> None:
    assert formatted("+12175550142") == "(217) 555-0142"
    assert formatted("+441632960000") == "+441632960000"
