from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.dialog.shop_world import THURSDAY_TWO
from voicecore.dialog.mentions import find_mentions
from voicecore.dialog.spoken_time import spoken_when

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    "text",
    [
        "Thursday, November twenty-sixth at two p.m.",
        "Thursday, November 26th at 2 PM",
        "the 26th of November at two p.m.",
        "November twenty six at two",
        "Thursday, Nov 26 at two o'clock",
        "2026-11-26T14:00:00-06:00",
    ],
)
def test_date_and_time_are_recognised_in_any_writing(text: str) -> None:
    assert find_mentions(text, TODAY).states(THURSDAY_TWO)


@pytest.mark.parametrize(
    "text",
    [
        "Friday, November twenty-sixth at two p.m.",
        "Thursday, November twenty-sixth at three p.m.",
        "Thursday, November twenty-sixth at two a.m.",
        "Thursday, November twenty-seventh at two p.m.",
        "Thursday, November twenty-sixth at two thirty p.m.",
        "tomorrow at two p.m.",
        "the twenty-seventh at two p.m.",
        "noon",
        "midnight",
        "Thursday or Friday",
    ],
)
def test_another_day_or_time_contradicts(text: str) -> None:
    assert not find_mentions(text, TODAY).agrees_with(THURSDAY_TWO)


@pytest.mark.parametrize("text", ["", "Yes please.", "That is ten dollars.", "I have two cars."])
def test_where_nothing_is_named_nothing_contradicts(text: str) -> None:
    found = find_mentions(text, TODAY)
    assert found.empty
    assert found.agrees_with(THURSDAY_TWO)
    assert not found.states(THURSDAY_TWO)


def test_tomorrow_counts_from_today() -> None:
    assert find_mentions("tomorrow", TODAY).dates == {(11, 25)}
    assert find_mentions("the day after tomorrow", TODAY).dates == {(11, 26)}
    assert find_mentions("today", TODAY).dates == {(11, 24)}


@pytest.mark.parametrize("minutes", range(0, 24 * 60, 15))
def test_every_quarter_hour_is_found_in_the_words_of_its_own_read_back(minutes: int) -> None:
    """No part of a time, such as the "at ten" of "at ten thirty a.m.", counts as another time."""
    moment = datetime(2026, 11, 25, minutes // 60, minutes % 60, tzinfo=UTC)
    mentions = find_mentions(f"An oil change on {spoken_when(moment)}. Shall I book it?", TODAY)

    assert mentions.states(moment)
    assert not mentions.agrees_with(moment + timedelta(minutes=30))
