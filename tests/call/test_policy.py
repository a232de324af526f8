"""The thresholds hang together."""

from __future__ import annotations

from dataclasses import fields

from voicecore.call.policy import Phrases, Policy
from voicecore.call.words import is_question, is_speakable


def test_every_threshold_names_its_unit():
    unitless = {"echo_min_words", "max_tool_rounds", "max_failures", "can_transfer"}
    names = {field.name for field in fields(Policy)}
    assert {name for name in names if not name.endswith(("_ms", "_s"))} == unitless


def test_longer_waits_are_longer():
    policy = Policy()
    assert policy.endpoint_complete_ms < policy.endpoint_ms < policy.endpoint_incomplete_ms
    assert policy.endpoint_incomplete_ms <= policy.endpoint_max_ms
    assert policy.backchannel_max_ms <= policy.barge_in_decide_ms
    assert policy.silence_ms < policy.dead_air_ms
    assert policy.reply_overdue_ms < policy.dead_air_ms < policy.tool_overdue_ms


def test_every_phrase_can_be_spoken():
    assert all(is_speakable(getattr(Phrases(), field.name)) for field in fields(Phrases))


def test_prompts_are_questions_so_that_yes_answers_them():
    assert is_question(Phrases().still_there)
    assert is_question(Phrases().still_there_again)
    assert is_question(Phrases().say_again)
