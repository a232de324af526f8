"""Where the caller's turn ends.

Source: Deepgram, "Using Endpointing and Interim Results", "Utterance End", "Finalize".
"""

from __future__ import annotations

from tests.call.playbook import PHRASES, Playbook
from voicecore.call.commands import AskLlm, FinalizeListener, Speak
from voicecore.call.events import (
    CallStarted,
    DigitPressed,
    FinalWords,
    Finish,
    ReplyFinished,
    ShutdownRequested,
    Timer,
    UtteranceEnded,
)
from voicecore.call.expecting import Expecting
from voicecore.call.state import Phase


def listening() -> Playbook:
    return Playbook().answered()


def typed(call: Playbook, keys: str) -> Playbook:
    for key in keys:
        call.later(200).given(DigitPressed(call.at, key))
    return call


def test_a_closed_utterance_is_a_turn():
    call = listening().voice().later(800).quiet(800).later(300).final("I need an oil change")
    call.expect(AskLlm(1, ()))
    assert call.state.phase is Phase.THINKING
    assert call.said()[-1] == ("caller", "I need an oil change")


def test_the_model_gets_the_whole_conversation():
    call = listening().final("I need an oil change")
    assert [item.text for item in call.last_history()] == [
        "Hello, how can I help?",
        "I need an oil change",
    ]


def test_an_empty_final_that_closes_commits_the_words_before_it():
    call = listening().final("I need an oil change", closes=False).expect()
    call.final("", 2.0).expect(AskLlm(1, ()))


def test_an_empty_utterance_is_no_turn():
    call = listening().voice().later(300).quiet(300).final("").given(UtteranceEnded(102.0))
    call.expect()
    assert Timer.SILENCE in call.timers


def test_long_speech_is_one_turn_of_several_segments():
    call = listening().final("I need an oil change", 0.0, closes=False)
    call.final("for my Camry", 2.0, closes=False).final("on Thursday", 4.0).expect(AskLlm(1, ()))
    assert call.said()[-1] == ("caller", "I need an oil change for my Camry on Thursday")


def test_the_backup_sign_commits_words_that_were_only_guessed():
    call = listening().interim("I need an oil change").expect()
    call.later(1000).given(UtteranceEnded(call.at)).expect(AskLlm(1, ()))
    call.later(100).final("I need an oil change", 0.0).expect()
    assert call.said()[-1] == ("caller", "I need an oil change")


def test_the_backup_sign_after_the_turn_is_redundant():
    call = listening().final("I need an oil change").then().later(700)
    call.given(UtteranceEnded(call.at)).expect()


def test_our_own_timer_stands_behind_both_signs():
    call = listening().final("I need an oil change", closes=False)
    assert call.due_ms(Timer.ENDPOINT) == 1500
    assert Timer.SILENCE not in call.timers
    call.wait_for(Timer.ENDPOINT).expect(AskLlm(1, ()))


def test_unfinished_words_wait_longer_whatever_the_listener_says():
    call = listening().final("my number is five five five").expect()
    assert call.due_ms(Timer.ENDPOINT) == 2500
    call.later(1000).given(UtteranceEnded(call.at)).expect()
    call.later(500).final("zero one four two").expect(AskLlm(1, ()))
    assert call.said()[-1] == ("caller", "my number is five five five zero one four two")


def test_a_whole_answer_waits_less_once_the_voice_is_silent():
    call = listening().voice().later(400).interim("yes please")
    assert call.due_ms(Timer.ENDPOINT) == 1500
    call.later(100).quiet(400)
    assert call.due_ms(Timer.ENDPOINT) == 400
    call.wait_for(Timer.ENDPOINT).expect(AskLlm(1, ()))


def test_other_words_are_not_hurried_by_the_end_of_the_voice():
    call = listening().voice().later(400).interim("I need a").later(100).quiet(500)
    assert call.due_ms(Timer.ENDPOINT) == 2400


def test_the_listener_is_asked_for_final_words_soon_after_the_voice():
    call = listening().voice().later(500).quiet(500)
    assert call.due_ms(Timer.FINALIZE) == 260
    call.wait_for(Timer.FINALIZE).expect(FinalizeListener())


def test_a_new_voice_takes_the_request_back():
    call = listening().voice().later(500).quiet(500).later(100).voice()
    assert Timer.FINALIZE not in call.timers


def test_the_answer_to_finalize_ends_the_turn_when_the_voice_is_silent():
    call = listening().voice().later(500).quiet(500).later(250)
    call.given(FinalWords(call.at, "an oil change", 0.0, speech_final=False, from_finalize=True))
    call.expect(AskLlm(1, ()))


def test_the_answer_to_finalize_does_not_end_it_while_the_voice_runs():
    call = listening().voice().later(500)
    call.given(FinalWords(call.at, "an oil change", 0.0, speech_final=False, from_finalize=True))
    call.expect()


def test_a_caller_who_has_just_gone_on_is_waited_for():
    call = listening().voice().later(900).quiet(800).later(300).voice()
    call.final("I need an oil change").expect()
    call.later(900).final("for tomorrow").expect(AskLlm(1, ()))
    assert call.said()[-1] == ("caller", "I need an oil change for tomorrow")


def test_a_running_voice_postpones_our_timer_within_bounds():
    call = listening().voice().final("I need an oil change", closes=False)
    call.wait_for(Timer.ENDPOINT).expect()
    call.voice().wait_for(Timer.ENDPOINT).expect()
    call.voice().wait_for(Timer.ENDPOINT).expect(AskLlm(1, ()))


def test_a_voice_without_words_does_not_keep_the_prompts_away():
    """pipecat#5240: voice without a transcript must not silence the call."""
    call = listening().later(4000).voice()
    call.wait_for(Timer.SILENCE).expect()
    call.wait_for(Timer.SILENCE)
    assert "Are you still there?" in str(call.asked())


def test_words_that_vanish_leave_the_prompts_running():
    call = listening().interim("uh").interim("")
    assert Timer.SILENCE not in call.timers
    call.wait_for(Timer.ENDPOINT).expect()
    assert call.due_ms(Timer.SILENCE) == 7500


def test_the_echo_of_the_last_words_is_no_turn():
    call = Playbook().answered().asking().speaking("Which day suits you best?").later(2000).heard(0)
    call.then().later(300).final("suits you best").expect()
    call.later(2000).final("suits you best").expect(AskLlm(2, ()))


def test_with_a_voice_the_same_words_are_a_turn():
    call = Playbook().answered().asking().speaking("Is Thursday at two better?").later(2000)
    call.heard(0).then().later(200).voice().later(600).quiet(600).later(200)
    call.final("Thursday at two").expect(AskLlm(2, ()))


def test_a_stray_word_does_not_stop_the_silence_clock():
    call = Playbook().answered().asking().speaking("You are all set now.").later(2000).heard(0)
    due_ms = call.due_ms(Timer.SILENCE)
    call.final("all set now")
    assert call.due_ms(Timer.SILENCE) == due_ms
    call.interim("all set").interim("")
    assert call.due_ms(Timer.SILENCE) == due_ms


def test_a_stray_word_starts_the_silence_clock_again():
    call = Playbook().answered().asking().speaking("You are all set now.").later(1700)
    call.voice().paused(1700).later(450).quiet(400).later(200).heard(0)
    call.interim("I").interim("")
    assert Timer.SILENCE not in call.timers
    call.interim("all right")
    assert call.due_ms(Timer.SILENCE) == 7500


def test_keys_become_spoken_digits_at_the_pound_key():
    call = typed(listening(), "5550142#").expect(AskLlm(1, ()))
    assert call.said()[-1] == ("caller", "5 5 5 0 1 4 2")
    assert call.state.caller.text == ""


def test_keys_become_a_turn_after_a_pause():
    call = typed(listening(), "5550142").expect()
    assert call.due_ms(Timer.ENDPOINT) == 2500
    call.given(UtteranceEnded(call.at)).expect()
    call.voice().quiet(100).wait_for(Timer.ENDPOINT).expect(AskLlm(1, ()))


def test_the_star_key_starts_again_and_other_signs_are_no_keys():
    call = typed(listening(), "12*A55#").expect(AskLlm(1, ()))
    assert call.said()[-1] == ("caller", "5 5")


def test_the_pound_key_alone_is_nothing():
    typed(listening(), "#*#").expect()


def test_words_and_keys_make_one_turn():
    call = listening().final("my number is", closes=False)
    typed(call, "555#").expect(AskLlm(1, ()))
    assert call.said()[-1] == ("caller", "my number is 5 5 5")


def test_a_running_voice_does_not_hold_up_keys():
    call = typed(listening(), "555").later(2000).voice()
    call.wait_for(Timer.ENDPOINT).expect(AskLlm(1, ()))


def test_words_behind_a_write_stand_for_themselves():
    call = Playbook().answered().asking("book it").tool("book", "c1", writes=True).finish()
    call.final("and send me a text").then()
    assert [text for who, text in call.said() if who == "caller"] == [
        "book it",
        "and send me a text",
    ]


def test_words_that_go_on_before_an_answer_was_heard_join_the_turn_before():
    call = listening().asking("an oil change").interim("for tomorrow").final("for tomorrow", 1.0)
    assert call.said()[1:] == [("caller", "an oil change for tomorrow")]


def test_the_first_words_of_a_call_without_a_greeting_are_a_turn():
    call = (
        Playbook(greeting="").given(CallStarted(100.0)).final("hello there").expect(AskLlm(1, ()))
    )
    assert call.said() == [("caller", "hello there")]


def test_a_turn_after_the_goodbye_is_due_is_answered_by_it():
    call = listening().voice().given(ShutdownRequested(102.0)).later(500).quiet(500)
    call.final("I need").wait_for(Timer.ENDPOINT).expect(Speak(1, 0, PHRASES.goodbye))


# --- what the agent has asked for ---------------------------------------------------------------

NUMBER = "three one two five five five oh one four two"


def asked(expecting: Expecting) -> Playbook:
    """A caller who has just heard a question for that kind of answer."""
    call = Playbook().answered().asking().sentence("Could you tell me?")
    call.given(ReplyFinished(call.at, call.turn, Finish.STOP, expecting))
    call.synthesized(0, 0, 1000).playing().later(1000).heard(0).then().later(5000)
    assert call.state.expecting is expecting
    return call


def test_a_whole_number_that_was_asked_for_is_answered_at_once():
    call = asked(Expecting.PHONE).final(NUMBER, closes=False)
    call.expect(AskLlm(2, ()))
    assert call.state.expecting is None


def test_a_number_that_was_asked_for_is_waited_for_longer():
    call = asked(Expecting.PHONE).final("three one two").expect()
    assert call.due_ms(Timer.ENDPOINT) == 3500
    call.later(1000).given(UtteranceEnded(call.at)).expect()
    call.later(2000).final("five five five").expect()
    call.later(1000).final("oh one four two", closes=False).expect(AskLlm(2, ()))


def test_a_beginning_is_no_answer_to_a_question_for_a_number():
    call = asked(Expecting.PHONE).final("sure").expect()
    assert call.due_ms(Timer.ENDPOINT) == 3500


def test_a_plain_yes_to_a_yes_or_no_question_is_answered_at_once():
    asked(Expecting.YES_NO).final("yes please", closes=False).expect(AskLlm(2, ()))


def test_other_words_to_a_yes_or_no_question_wait_as_always():
    call = asked(Expecting.YES_NO).final("yes but", closes=False)
    assert call.due_ms(Timer.ENDPOINT) == 2500


def test_a_guess_of_the_whole_number_is_made_sure_before_it_is_answered():
    call = asked(Expecting.PHONE).voice().later(2500).interim(NUMBER).expect()
    call.later(100).quiet(2500).expect(FinalizeListener())
    assert Timer.FINALIZE not in call.timers
    assert call.due_ms(Timer.ENDPOINT) == 400
    call.later(100).final(NUMBER, closes=False).expect(AskLlm(2, ()))


def test_a_whole_number_waits_for_the_voice_that_runs():
    call = asked(Expecting.PHONE).voice().later(2500).final(NUMBER, closes=False).expect()
    call.later(100).quiet(2600).expect(AskLlm(2, ()))


def test_a_number_that_is_typed_whole_is_answered_at_once():
    call = typed(asked(Expecting.PHONE), "312555014").expect()
    typed(call, "2").expect(AskLlm(2, ()))
    assert call.said()[-1] == ("caller", "3 1 2 5 5 5 0 1 4 2")


def test_words_after_typed_digits_do_not_end_the_number():
    call = typed(asked(Expecting.PHONE), "312").final(NUMBER, closes=False).expect()
    assert call.due_ms(Timer.ENDPOINT) == 2500


def test_what_was_asked_for_is_over_with_the_callers_turn():
    call = asked(Expecting.PHONE).final("I would rather not say")
    call.expect(AskLlm(2, ()))
    assert call.state.expecting is None
