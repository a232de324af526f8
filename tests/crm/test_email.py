from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.email import normalise_email, read_email
from crm.errors import InputError
from crm.problem import Problem


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


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("maria@example.com.", "maria@example.com"),
        ("Maria dot Lopez at Example dot com", "maria.lopez@example.com"),
        ("bob underscore 7 at mail dash one dot example dot org", "bob_7@mail-one.example.org"),
        ("big red at example dot com", "bigred@example.com"),
        ("m plus cars at sign example dot com", "m+cars@example.com"),
    ],
)
def test_an_address_is_read_from_words(said: str, address: str) -> None:
    assert read_email(said) == address


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("", "email_missing"),
        ("maria", "email_host"),
        ("at example dot com", "email_host"),
        ("maria at example", "email_host"),
        ("maria..lopez@example.com", "email_unreadable"),
        ("a@" * 300, "email_unreadable"),
        ("Robert'); DROP TABLE customers;-- at example dot com", "email_unreadable"),
    ],
)
def test_what_is_wrong_with_an_address_is_asked(said: str, error: str) -> None:
    problem = read_email(said)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.error) == ("email", error)
    assert "?" in problem.ask


@given(st.text(st.characters(), max_size=120) | st.emails())
def test_any_text_is_read_as_an_address_or_a_problem(said: str) -> None:
    address = read_email(said)
    if isinstance(address, str):
        assert read_email(address) == normalise_email(address) == address
