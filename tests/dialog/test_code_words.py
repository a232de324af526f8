from __future__ import annotations

import json

import pytest

from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog.code_words import CODE_NOTE, masked, without_codes, words_since_code_tool

CODE = "407215"


def used(status: str, name: str = "update_customer_info", key: str = "status") -> ToolUsed:
    return ToolUsed(1, "call_1", name, "{}", json.dumps({key: status}), key == "status")


def after_code_sent(*texts: str) -> list[HistoryItem]:
    said = [CallerSaid(number, text) for number, text in enumerate(texts, start=2)]
    return [used("code_sent"), *said]


@pytest.mark.parametrize(
    "said",
    [
        "407215",
        "four oh seven two one five",
        "It's 4 0 7, 2 1 5, thanks.",
        "forty seven twenty-one five",
        "four oh seven",
        "four hundred seven two one five",
        "407216",
        "40721",
        "4072155",
        "seven two one five, I think",
    ],
)
def test_a_code_or_what_looks_like_one_becomes_a_note(said: str) -> None:
    (_, item) = without_codes(after_code_sent(said), [CODE])
    assert isinstance(item, CallerSaid)
    assert item.text == CODE_NOTE
    assert item.turn == 2


@pytest.mark.parametrize(
    "said",
    [
        "It has not arrived yet.",
        "One moment.",
        "My number is three one two, five five five, oh one nine nine.",
        "I have two cars.",
    ],
)
def test_other_words_stay(said: str) -> None:
    history = after_code_sent(said)
    assert without_codes(history, [CODE]) == tuple(history)


def test_without_a_code_on_this_call_nothing_is_hidden() -> None:
    history = after_code_sent("407215")
    assert without_codes(history, []) == tuple(history)


def test_once_it_was_used_only_the_code_itself_is_hidden() -> None:
    history = [*after_code_sent("407215"), used("updated"), CallerSaid(3, "At two thirty.")]
    history.append(CallerSaid(4, "The code was four oh seven two one five."))
    texts = [item.text for item in without_codes(history, [CODE]) if isinstance(item, CallerSaid)]
    assert texts == [CODE_NOTE, "At two thirty.", CODE_NOTE]


def test_after_a_wrong_code_the_next_one_is_hidden_too() -> None:
    history = [*after_code_sent("111111"), used("wrong_code", key="error"), CallerSaid(3, "222222")]
    texts = [item.text for item in without_codes(history, [CODE]) if isinstance(item, CallerSaid)]
    assert texts == [CODE_NOTE, CODE_NOTE]


def test_the_words_are_those_since_the_tool_answered_last() -> None:
    history: list[HistoryItem] = [CallerSaid(1, "one"), used("code_sent")]
    assert words_since_code_tool(history) is None
    history += [
        AgentSaid(1, "Could you read it to me?", complete=True),
        CallerSaid(2, "four oh seven"),
        used("x", name="get_available_slots"),
        CallerSaid(3, "two one five"),
    ]
    assert words_since_code_tool(history) == "four oh seven two one five"
    assert words_since_code_tool([*history, used("wrong_code", key="error")]) is None


def test_a_result_that_is_no_json_hides_nothing_more() -> None:
    broken = ToolUsed(1, "call_1", "update_customer_info", "{}", "not json", ok=False)
    history = [used("code_sent"), broken, CallerSaid(2, "1234")]
    assert without_codes(history, [CODE]) == tuple(history)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("four oh seven two one five", "zero zero zero zero zero zero"),
        ("It's 407-215, thanks.", "It's 000-000, thanks."),
        ("forty-seven", "zero-zero"),
        ("It has not arrived yet.", "It has not arrived yet."),
    ],
)
def test_what_is_written_down_has_a_zero_for_each_digit(said: str, written: str) -> None:
    assert masked(said) == written
