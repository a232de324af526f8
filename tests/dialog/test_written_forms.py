"""The table of written forms, through the splitter and the writer as the agent's replies go."""

from __future__ import annotations

import pytest

from tests.dialog.written_forms import rows
from voicecore.dialog.sentences import SentenceSplitter
from voicecore.dialog.speakable import speakable


def said_for(written: str, cut: int = 1000) -> str:
    splitter = SentenceSplitter()
    pieces: list[str] = []
    for start in range(0, len(written), cut):
        pieces += splitter.feed(written[start : start + cut])
    return " ".join(speakable(piece) for piece in [*pieces, *splitter.finish()])


@pytest.mark.parametrize(("written", "said"), rows())
def test_what_is_written_is_said_as_people_say_it(written: str, said: str) -> None:
    assert said_for(written) == said
    assert said_for(written, cut=3) == said, "however the stream is cut"


def test_the_table_is_large_and_every_row_is_another() -> None:
    forms = [written for written, _ in rows()]
    assert len(forms) >= 200
    assert len(set(forms)) == len(forms)


@pytest.mark.parametrize("said", [said for _, said in rows()])
def test_what_is_said_stays_as_it_is(said: str) -> None:
    assert speakable(said) == said
