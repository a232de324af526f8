from __future__ import annotations

from voicecore.dialog.plain_words import comma_words, contains_phrase, plain_words


def test_punctuation_case_and_hyphens_do_not_matter() -> None:
    assert (
        plain_words("Thursday, the Twenty-sixth at 2 p.m.!") == "thursday the twenty sixth at 2 pm"
    )
    assert plain_words("It’s two o'clock") == "it's two oclock"


def test_phrases_are_found_as_whole_words() -> None:
    assert contains_phrase("yes go ahead", comma_words("go ahead,sure"))
    assert not contains_phrase("not surely", comma_words("sure"))
