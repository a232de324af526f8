"""From a segment given to the speaker to a reply that was heard."""

from __future__ import annotations

from tests.call.playbook import PHRASES, Playbook
from voicecore.call.commands import AskLlm, HangUp, ResumePlayout, Speak, TransferCall
from voicecore.call.events import (
    HangupCause,
    ListenerLost,
    MarkEchoed,
    ShutdownRequested,
    SpeakerFailed,
    Timer,
)
from voicecore.call.policy import Policy
from voicecore.call.state import Phase


def asked(policy: Policy | None = None) -> Playbook:
    return Playbook(policy).answered().asking()


def unspoken(call: Playbook, segment: int = 0) -> Playbook:
    return call.given(SpeakerFailed(call.at, call.turn, segment, "closed"))


def test_the_first_audio_makes_it_speaking():
    call = asked().sentence("Sure.")
    assert call.state.phase is Phase.THINKING
    assert call.playing().state.phase is Phase.SPEAKING


def test_a_reply_is_over_when_its_last_mark_came_back():
    call = asked().speaking("Sure.", "Which day?").later(2000).heard(0)
    assert call.state.phase is Phase.SPEAKING
    call.later(2000).heard(1)
    assert call.state.phase is Phase.LISTENING


def test_drained_stands_for_the_marks():
    call = asked().speaking("Sure.", "Which day?").later(4000).drained()
    assert call.state.phase is Phase.LISTENING
    assert call.said()[-1] == ("agent", "Sure. Which day?")


def test_drained_before_the_model_has_finished_is_a_pause():
    call = asked().sentence("Sure.").synthesized(0, 0, 900).playing().drained()
    assert call.state.phase is Phase.THINKING
    call.sentence("Which day?").synthesized(1, 900, 900)
    assert call.state.phase is Phase.SPEAKING
    call.finish().drained()
    assert call.said()[-1] == ("agent", "Sure. Which day?")


def test_the_floor_returns_when_the_stream_ends_after_the_last_mark():
    call = asked().sentence("Sure.").synthesized(0, 0, 900).playing().heard(0)
    assert call.state.phase is Phase.THINKING
    call.finish()
    assert call.state.phase is Phase.LISTENING


def test_marks_of_another_reply_and_marks_twice_are_ignored():
    call = asked().speaking("Sure.", "Which day?").heard(0).then()
    before = call.state
    call.given(MarkEchoed(call.at, 0, 0))
    assert call.state == before
    call.heard(0)
    assert call.state.reply == before.reply


def test_a_segment_without_audio_is_passed_over():
    call = asked().sentence("Sure.").sentence("Which day?").finish()
    unspoken(call, 0)
    call.synthesized(1, 0, 900).playing().heard(1)
    assert call.said()[-1] == ("agent", "Which day? -")
    assert call.notes("segment_unspoken") == [{"turn": 1, "reason": "closed"}]
    assert call.state.phase is Phase.LISTENING


def test_a_reply_without_any_audio_is_followed_by_another_sentence():
    call = unspoken(asked().sentence("Sure.").finish().then())
    call.expect(Speak(2, 0, PHRASES.say_again))


def test_a_second_reply_without_audio_ends_the_call():
    call = unspoken(unspoken(asked().sentence("Sure.").finish()).then())
    call.expect(HangUp(HangupCause.FAILURE))


def test_a_second_reply_without_audio_goes_to_a_human_where_there_is_one():
    call = asked(Policy(can_transfer=True)).sentence("Sure.").finish()
    unspoken(unspoken(call).then()).expect(TransferCall())


def test_a_goodbye_without_audio_is_the_end_all_the_same():
    call = Playbook().answered().wait_for(Timer.CALL_LENGTH).then()
    unspoken(call).expect(HangUp(HangupCause.AGENT))


def test_a_heard_reply_clears_the_count_of_unspoken_ones():
    call = unspoken(asked().sentence("Sure.").finish())
    call.synthesized(0, 0, 900).playing().heard(0)
    assert call.state.troubles.unspoken == 0


def test_a_call_without_a_listener_says_so_once_and_goes_on_by_keypad():
    call = asked().speaking("Which day?").given(ListenerLost(101.0, "closed", True)).then()
    call.later(2000).heard(0).expect(Speak(2, 0, PHRASES.listener_lost))
    call.synthesized(0, 0, 900).playing().heard(0).expect()
    assert call.state.phase is Phase.LISTENING


def test_a_goodbye_that_is_due_comes_before_the_floor():
    call = asked().speaking("Which day?").given(ShutdownRequested(101.0)).then()
    call.later(2000).heard(0).expect(Speak(2, 0, PHRASES.goodbye))


def test_a_voice_held_against_a_reply_that_is_over_has_the_floor():
    call = asked().sentence("Sure.").synthesized(0, 0, 900).playing().heard(0).then()
    call.voice().finish().expect()
    assert call.state.phase is Phase.LISTENING
    assert call.state.barge_in is None
    assert Timer.BARGE_IN not in call.timers


def test_words_that_came_with_the_last_sound_wait_for_their_end():
    call = asked().speaking("Which day?").later(1900).voice().interim("yes").then()
    call.paused(2000).expect(ResumePlayout(1))
    assert call.due_ms(Timer.ENDPOINT) == 1500
    call.later(200).quiet(300)
    assert call.due_ms(Timer.ENDPOINT) == 400
    call.wait_for(Timer.ENDPOINT).expect(AskLlm(2, ()))


def test_a_goodbye_is_waited_for_as_long_as_its_audio_takes():
    call = Playbook().answered().wait_for(Timer.CALL_LENGTH).synthesized(0, 0, 3000).playing()
    assert call.due_ms(Timer.GOODBYE) == 13_000
    call.later(3000).heard(0)
    assert call.state.phase is Phase.ENDING
    assert call.due_ms(Timer.GOODBYE) == 400
