"""The estimate of tokens against counts of o200k_base, the vocabulary of gpt-4o."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecore.dialog.token_estimate import LOWEST_SHARE, estimated_tokens, messages_tokens

COUNTED = (
    ("Hello.", 2),
    ("Thank you for calling Northside Auto Care. How can I help you today?", 16),
    ("three one two, five five five, oh one four two", 12),
    ("My VIN is 1HGCM82633A004352.", 13),
    ("1 H G C M 8 2 6 3 3 A 0 0 4 3 5 2", 28),
    (
        "I'd like to bring my 2019 Toyota Camry in for an oil change on Thursday at 2:30 "
        "p.m., please.",
        28,
    ),
    (
        '{"found": true, "customer": "customer_1", "name": "Maria Lopez", "vehicles": [{"'
        'vehicle": "vehicle_1", "label": "2019 Toyota Camry"}], "last_visit": {"service":'
        ' "Oil change", "date": "2026-03-04", "spoken": "March fourth"}, "upcoming": [{"a'
        'ppointment": "appointment_1", "service": "Oil change", "start": "2026-11-26T14:0'
        '0:00-06:00", "spoken": "Thursday, November twenty-sixth at two p.m."}]}',
        128,
    ),
    (
        '{"slots": [{"slot": "slot_0", "start": "2026-11-26T08:30:00-06:00", "spoken": "T'
        'hursday, November twenty-sixth at half past eight a.m."}, {"slot": "slot_1", "st'
        'art": "2026-11-26T09:30:00-06:00", "spoken": "Thursday, November twenty-sixth at'
        ' half past eight a.m."}, {"slot": "slot_2", "start": "2026-11-26T10:30:00-06:00"'
        ', "spoken": "Thursday, November twenty-sixth at half past eight a.m."}]}',
        145,
    ),
    ("It's spelled N as in Nancy, U, N, E with an accent, Z. Núñez-García.", 24),
    ("maria.lopez@example.com", 6),
    ("The plate is ABC-1234, no wait, ABD 1234.", 16),
    ("$49.95 plus tax, so about $53.82 in total (8.25 %).", 21),
    ("Grüße aus Zürich! Mein Auto steht in der Straße Überlingen.", 15),
    ("Привет, мне нужно поменять масло в машине.", 11),
    ("你好，我想预约保养。", 7),
    ("🚗🔧 okay!!!", 6),
    ('{"error": "deadline", "ask": "It is not known yet whether that went through."}', 21),
    ("uh, um, well, you know, I mean, the, the brakes kind of squeal when I, when I stop", 26),
    ("wwwwwwww qwrtzpsdfg xkcdvbn hmmmmmmmm", 18),
)
"""Texts of calls with their tokens, as the vendor's own tokenizer counts them."""


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_no_long_text_is_estimated_much_too_low(text: str, tokens: int) -> None:
    least = tokens * LOWEST_SHARE if tokens >= 20 else tokens - 6
    assert least <= estimated_tokens(text) <= tokens * 2.5 + 2


def test_all_of_it_together_is_near() -> None:
    counted = sum(tokens for _, tokens in COUNTED)
    estimated = sum(estimated_tokens(text) for text, _ in COUNTED)
    assert counted <= estimated <= counted * 1.25


@given(st.text(max_size=80), st.text(max_size=80))
def test_more_text_is_never_cheaper_and_none_is_free(text: str, more: str) -> None:
    assert estimated_tokens(f"{text}\n{more}") >= estimated_tokens(text)
    assert messages_tokens([{"role": "user", "content": text}]) > estimated_tokens(text)
