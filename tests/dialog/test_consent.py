from __future__ import annotations

import json
from datetime import date, datetime

import pytest

from tests.dialog.shop_world import NOW, THURSDAY_TWO
from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog.consent import consented, says_yes

SAY = "An oil change on Thursday, November twenty-sixth at two p.m. Shall I book it?"
READ_BACK = ToolUsed(
    3, "c1", "book_appointment", "{}", json.dumps({"status": "read_back", "say": SAY}), ok=True
)


def agreed(*items: HistoryItem) -> bool:
    history = (CallerSaid(3, "The two p.m. one."), READ_BACK, *items)
    return consented(
        history,
        tool="book_appointment",
        say=SAY,
        moments=(THURSDAY_TWO,),
        today=NOW.date(),
        unwanted=frozenset({"civic"}),
    )


HEARD = AgentSaid(3, SAY, complete=True)


@pytest.mark.parametrize(
    "words",
    [
        "Yes.", "Yes please!", "yeah, go ahead", "Sure", "Okay, book it.", "That works.",
        "Perfect, thanks",
        "Yes, Thursday at two.", "Yes, November 26th at 2 PM is great", "No problem, yes",
        "Mm-hmm.",
        "Uh-huh.", "Yes, that's what I want", "Correct.", "Why not", "Sounds good", "you bet",
        "Yes, two p.m. is fine.",
    ],
)  # fmt: skip
def test_a_heard_read_back_and_a_yes_are_consent(words: str) -> None:
    assert says_yes(words)
    assert agreed(HEARD, CallerSaid(4, words))


@pytest.mark.parametrize(
    "words",
    [
        "No.", "Yes, but make it three", "Yes, actually no", "Wait", "Hold on, yes", "Not yet",
        "Okay, what about Friday?", "Yes, Friday.", "Yes, at three p.m.", "How much is it?",
        "Yes, how much is it?", "Maybe", "Can you change it to the morning?", "Hello?", "", "Hm.",
        "I don't think so", "yes, tomorrow", "Yes, a different car", "Never mind", "Thank you",
        "Okay, cancel it.", "Sure, forget it.", "I'm good, thanks.", "Yes, for the Civic.",
    ],
)  # fmt: skip
def test_anything_else_is_not(words: str) -> None:
    assert not agreed(HEARD, CallerSaid(4, words))


def test_a_read_back_that_was_cut_off_does_not_count() -> None:
    assert not agreed(AgentSaid(3, SAY, complete=False), CallerSaid(4, "Yes."))


def test_a_read_back_without_the_time_does_not_count() -> None:
    said = AgentSaid(3, "An oil change on Thursday, November twenty-sixth, right?", complete=True)
    assert not agreed(said, CallerSaid(4, "Yes."))


def test_a_read_back_of_another_time_does_not_count() -> None:
    said = AgentSaid(3, SAY.replace("two p.m.", "three p.m."), complete=True)
    assert not agreed(said, CallerSaid(4, "Yes."))


def test_the_models_own_words_count_if_they_name_date_and_time() -> None:
    said = AgentSaid(3, "So November 26th at 2 PM for the Camry, okay?", complete=True)
    assert agreed(said, CallerSaid(4, "Yes."))


def test_a_yes_without_words_of_the_agent_does_not_count() -> None:
    assert not agreed(CallerSaid(4, "Yes."))
    assert not agreed()


def test_a_yes_before_the_read_back_does_not_count() -> None:
    history = (AgentSaid(2, SAY, complete=True), CallerSaid(3, "Yes."), READ_BACK)
    assert not consented(
        history, tool="book_appointment", say=SAY, moments=(THURSDAY_TWO,), today=NOW.date()
    )


def test_a_yes_to_a_later_question_does_not_count() -> None:
    assert not agreed(
        HEARD,
        CallerSaid(4, "How long does it take?"),
        AgentSaid(4, "Half an hour. Is that fine?", complete=True),
        CallerSaid(5, "Yes."),
    )


def test_a_read_back_repeated_after_a_question_counts() -> None:
    assert agreed(
        HEARD,
        CallerSaid(4, "How long does it take?"),
        AgentSaid(4, f"Half an hour. {SAY}", complete=True),
        CallerSaid(5, "Yes."),
    )


def test_a_correction_after_the_yes_takes_it_back() -> None:
    assert not agreed(HEARD, CallerSaid(4, "Yes."), CallerSaid(5, "No wait, Friday."))


def test_words_that_go_on_after_the_yes_join_it() -> None:
    assert agreed(HEARD, CallerSaid(4, "Yes."), CallerSaid(5, "Thank you."))


def test_the_agents_words_while_the_tool_runs_do_not_matter() -> None:
    assert agreed(HEARD, CallerSaid(4, "Yes."), AgentSaid(4, "Great.", complete=False))


def test_a_read_back_in_two_pieces_of_one_turn_counts_when_both_were_heard() -> None:
    first = AgentSaid(3, "An oil change on Thursday, November twenty-sixth", complete=True)
    rest = AgentSaid(3, "at two p.m. Shall I book it?", complete=True)
    assert agreed(first, rest, CallerSaid(4, "Yes."))
    cut = AgentSaid(3, "at two p.m.", complete=False)
    assert not agreed(first, cut, CallerSaid(4, "Yes."))


@pytest.mark.parametrize("content", ["", "[]", "not json", '{"status": "booked"}', '{"say": 1}'])
def test_without_the_tools_read_back_there_is_no_consent(content: str) -> None:
    history = (
        ToolUsed(3, "c1", "book_appointment", "{}", content, ok=True),
        HEARD,
        CallerSaid(4, "Yes."),
    )
    assert not consented(
        history, tool="book_appointment", say=SAY, moments=(THURSDAY_TWO,), today=NOW.date()
    )


def test_an_answer_to_a_question_before_the_read_back_does_not_count_against_it() -> None:
    say = "An oil change on Thursday, November twenty-sixth at two p.m. Shall I book it?"
    content = json.dumps({"status": "read_back", "say": say})
    history = (
        CallerSaid(1, "The first one."),
        ToolUsed(1, "a", "book_appointment", "{}", content, ok=True),
        AgentSaid(1, say, complete=True),
        CallerSaid(2, "When are you open?"),
        AgentSaid(2, f"Monday to Friday from eight a.m. to six p.m. {say}", complete=True),
        CallerSaid(3, "Yes."),
    )
    moment = datetime(2026, 11, 26, 14)
    today = date(2026, 11, 24)
    agreed = {"tool": "book_appointment", "say": say, "moments": (moment,), "today": today}
    assert consented(history, **agreed)
    after = AgentSaid(2, f"{say} Or at three p.m.?", complete=True)
    assert not consented((*history[:4], after, history[5]), **agreed)
