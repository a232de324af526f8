from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.email import normalise_email
from crm.errors import InputError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("maria@example.com", "maria@example.com"),
        ("  Maria.Lopez@EXAMPLE.Com ", "Maria.Lopez@example.com"),
        ("o'brien+cars@mail.example.com", "o'brien+cars@mail.example.com"),
        ("a@b-c.example", "a@b-c.example"),
    ],
)
def test_addresses_are_trimmed_and_their_domain_folded(text: str, address: str) -> None:
    assert normalise_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "maria", "@example.com", "maria@", "maria@example", "a b@example.com", "a@@example.com",
        ".a@example.com", "a.@example.com", "a..b@example.com", "a@-x.example.com", "a@x-.example",
        "a@exam\nple.com", "a\0@example.com", f"{'a' * 65}@example.com", f"a@{'b' * 250}.com",
        "Maria <maria@example.com>", "a@example.c0m", "a@[127.0.0.1]",
    ],
)  # fmt: skip
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        normalise_email(text)


@given(st.text(max_size=300) | st.emails())
def test_any_text_is_an_address_or_an_input_error(text: str) -> None:
    try:
        address = normalise_email(text)
    except InputError:
        return
    assert normalise_email(address) == address
