"""Links to one appointment: signed, of one appointment only, and good for a month."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecore.net.ics_link import LIFETIME_S, IcsLinks, LinkProblem

NOW_S = 1_800_000_000.0


def links(secret: str = "a secret", now_s: float = NOW_S) -> IcsLinks:
    return IcsLinks("https://agent.example.com/", secret, lambda: now_s)


def token_of(address: str) -> str:
    return address.rpartition("/")[2].removesuffix(".ics")


@given(st.integers(0, 2**63 - 1))
def test_a_link_leads_to_its_appointment_until_it_runs_out(appointment_id: int) -> None:
    address = links().address(appointment_id)
    assert address.startswith("https://agent.example.com/appointments/")
    token = token_of(address)
    assert links(now_s=NOW_S + LIFETIME_S - 1).read(token) == appointment_id
    assert links(now_s=NOW_S + LIFETIME_S).read(token) is LinkProblem.EXPIRED
    assert links("another secret").read(token) is LinkProblem.FORGED


@given(st.integers(0, 255), st.integers(0, 31))
def test_no_byte_of_a_link_can_be_changed(flip: int, place: int) -> None:
    token = token_of(links().address(7))
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[place] ^= flip
    changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert links().read(changed) == (7 if flip == 0 else LinkProblem.FORGED)


@pytest.mark.parametrize("token", ["", "a", "====", "\u00fc" * 10, "A" * 43, "A" * 10_000, "../x"])
def test_nonsense_is_forged(token: str) -> None:
    assert links().read(token) is LinkProblem.FORGED


def test_without_a_secret_there_are_no_links() -> None:
    with pytest.raises(ValueError, match="secret"):
        links("").address(1)
    assert links("").read(token_of(links().address(1))) is LinkProblem.FORGED
