"""The caller speaks while the agent has the floor."""

from __future__ import annotations

import pytest

from tests.call.playbook import Playbook
from voicecore.call.commands import (
    AskLlm,
    CancelReply,
    CancelSpeech,
    ClearPlayout,
    FinalizeListener,
    PausePlayout,
    ResumePlayout,
    RunTool,
    Speak,
)
from voicecore.call.events import (
    CallStarted,
    DigitPressed,
    PlayoutCleared,
    PlayoutPaused,
    Timer,
    ToolFinished,
)
from voicecore.call.reply import READ_CANCELLED, STILL_RUNNING
from voicecore.call.state import Phase

OPEN = "We are open from seven thirty to six."
SATURDAY = "On Saturday we are open from eight to noon."


def speaking(*texts: str) -> Playbook:
    """The agent is one second into its answer; each sentence takes three seconds."""
    call = Playbook().answered().asking("when are you open")
    return call.speaking(*(texts or (OPEN, SATURDAY)), ms=3000).later(1000)


def test_a_voice_pauses_at_once_and_words_interrupt():
    """Words still in the buffer when the caller interrupts are not in the history."""
    call = speaking()
    call.voice().expect(PausePlayout(1)).paused(1040)
    call.later(350).interim("what about Sunday")
    call.expect(ClearPlayout(1), CancelSpeech(1))
    assert call.state.phase is Phase.LISTENING
    assert call.said()[-1] == ("agent", "We are -")
    call.given(PlayoutCleared(call.at, 1, 1040)).expect()
    call.later(300).quiet(700).later(250).final("what about Sunday").expect(AskLlm(2, ()))
    assert call.said()[-1] == ("caller", "what about Sunday")


def test_the_interruption_is_noted_with_its_times_and_what_was_heard():
    call = speaking().voice(ago_ms=50)
    onset_at = call.at - 0.05
    paused_at = call.at
    call.paused(1040).later(350).interim("what about Sunday")
    (note,) = call.notes("barge_in")
    assert note == {
        "kind": "interrupt",
        "turn": 1,
        "onset_at": pytest.approx(onset_at),
        "paused_at": pytest.approx(paused_at),
        "decided_at": pytest.approx(call.at),
        "reason": "words",
        "played_ms": 1040,
        "heard": "We are",
    }


def test_a_running_reply_of_the_model_is_cancelled_too():
    call = Playbook().answered().asking().sentence(OPEN).synthesized(0, 0, 3000).playing().then()
    call.later(500).voice().paused(500).later(300).interim("stop")
    call.expect(PausePlayout(1), ClearPlayout(1), CancelReply(1), CancelSpeech(1))


@pytest.mark.parametrize("text", ["uh huh", "Okay.", "got it", "mm-hmm"])
def test_a_backchannel_resumes_from_the_unplayed_sample_and_is_no_turn(text):
    call = speaking().voice().paused(1040).later(300).interim(text)
    call.expect(PausePlayout(1))
    call.later(100).quiet(400).expect(ResumePlayout(1))
    assert call.notes("barge_in") == []
    call.later(300).final(text).expect()
    call.later(4000).heard(1)
    assert call.said()[-1] == ("agent", f"{OPEN} {SATURDAY}")
    assert Timer.ENDPOINT not in call.timers


def test_a_resume_is_noted():
    call = speaking().voice().paused(1040).later(500).quiet(460)
    (note,) = call.notes("barge_in")
    assert (note["kind"], note["played_ms"]) == ("resume", 1040)


def test_a_short_voice_without_words_resumes_as_soon_as_no_stop_word_can_come_any_more():
    call = speaking().voice().paused(1040).later(150).quiet(110)
    call.expect(PausePlayout(1), FinalizeListener())
    assert call.due_ms(Timer.BARGE_IN) == 270
    call.wait_for(Timer.BARGE_IN).expect(ResumePlayout(1))


def test_a_voice_that_ends_later_than_that_resumes_at_once():
    call = speaking().voice().paused(1040).later(430).quiet(390)
    call.expect(PausePlayout(1), ResumePlayout(1))


def test_a_short_stop_word_interrupts_before_the_agent_goes_on():
    call = speaking().voice().paused(1040).later(300).quiet(260).later(90).final("Wait,")
    call.expect(PausePlayout(1), FinalizeListener(), ClearPlayout(1), CancelSpeech(1))


def test_a_short_voice_after_a_question_is_given_time_for_its_words():
    call = speaking("Shall I book it for you?").later(1900).voice().paused(2900)
    call.later(300).quiet(260).expect(PausePlayout(1), FinalizeListener())
    assert call.due_ms(Timer.BARGE_IN) == 540
    call.later(300).interim("yes").expect(ClearPlayout(1), CancelSpeech(1))


def test_a_second_syllable_is_weighed_together_with_the_first():
    call = speaking().voice().paused(1040).later(240).quiet(200).later(60).voice().then()
    assert call.due_ms(Timer.BARGE_IN) == 640
    call.later(200).quiet(200).expect(ResumePlayout(1))


def test_a_voice_of_several_words_is_waited_for_a_moment_longer():
    call = speaking().voice().paused(1040).later(800).quiet(760)
    call.expect(PausePlayout(1), FinalizeListener())
    call.wait_for(Timer.BARGE_IN).expect(ResumePlayout(1))


@pytest.mark.parametrize("beginning", ["I", "okay I", "sounds", "that's"])
def test_the_beginning_of_a_backchannel_is_no_interruption_yet(beginning):
    call = speaking().voice().paused(1040).later(300).interim(beginning).expect(PausePlayout(1))
    call.later(200).interim(f"{beginning} would like").expect(ClearPlayout(1), CancelSpeech(1))


def test_what_could_have_become_a_backchannel_and_did_not_interrupts():
    call = speaking().voice().paused(1040).later(300).interim("that's").expect(PausePlayout(1))
    call.later(300).final("that's").expect(ClearPlayout(1), CancelSpeech(1), AskLlm(2, ()))


def test_a_voice_that_goes_on_interrupts_at_the_deadline():
    call = speaking().voice().paused(1040).then()
    assert call.due_ms(Timer.BARGE_IN) == 940
    call.wait_for(Timer.BARGE_IN).expect(ClearPlayout(1), CancelSpeech(1))
    assert call.state.phase is Phase.LISTENING


def test_a_voice_that_has_ended_by_the_deadline_resumes():
    call = speaking().voice().paused(1040).later(900).quiet(840).then()
    call.wait_for(Timer.BARGE_IN).expect(ResumePlayout(1))


def test_a_backchannel_that_is_final_need_not_wait_for_the_voice_to_end():
    call = speaking().voice().paused(1040).later(400).final("uh huh")
    call.expect(PausePlayout(1), ResumePlayout(1))


def test_words_that_come_after_a_resume_still_interrupt():
    call = speaking().voice().paused(1040).later(440).quiet(400).then()
    onset_at = call.state.caller.rejected_at
    call.later(300).interim("wait").expect(ClearPlayout(1), CancelSpeech(1))
    assert call.notes("barge_in") == []
    call.given(PlayoutCleared(call.at, 1, 2000))
    (note,) = call.notes("barge_in")
    assert (note["onset_at"], note["heard"]) == (onset_at, "We are open from")
    assert call.said()[-1] == ("agent", "We are open from -")


def test_a_backchannel_that_grows_into_a_sentence_interrupts():
    call = speaking().voice().paused(1040).later(300).interim("okay").later(100).quiet(350).then()
    call.later(300).interim("okay but what about Sunday").expect(ClearPlayout(1), CancelSpeech(1))
    assert call.state.caller.text == "but what about Sunday"


def test_words_without_any_voice_detected_interrupt():
    call = speaking().interim("can you repeat that").expect(ClearPlayout(1), CancelSpeech(1))
    call.given(PlayoutCleared(call.at, 1, 1000))
    (note,) = call.notes("barge_in")
    assert note["onset_at"] == note["decided_at"] == call.at


def test_a_backchannel_without_any_voice_detected_does_nothing():
    call = speaking().interim("okay").expect()
    assert call.state.caller.text == ""


def test_yes_answers_a_question_that_was_heard():
    call = speaking("Shall I book it?", "It takes an hour.")
    call.later(2100).heard(0).voice().paused(3100).later(200).interim("yes")
    call.expect(PausePlayout(1), ClearPlayout(1), CancelSpeech(1))
    assert call.said()[-1] == ("agent", "Shall I book it? -")


def test_yes_answers_a_question_that_was_almost_heard():
    """The late words of a rejected voice run are an answer once the question is complete."""
    call = speaking("Shall I book it for you?").later(1900).voice().paused(2900)
    call.later(200).quiet(250).expect(PausePlayout(1), FinalizeListener())
    call.wait_for(Timer.BARGE_IN).expect(ResumePlayout(1))
    call.later(100).heard(0).later(300).final("yes").expect(AskLlm(2, ()))
    assert call.said()[-2:] == [("agent", "Shall I book it for you?"), ("caller", "yes")]


def test_the_late_words_of_a_backchannel_are_no_turn_after_a_statement():
    call = speaking(OPEN).later(1900).voice().paused(2900).later(450).quiet(400)
    call.later(100).heard(0).then().later(300).final("uh huh").expect()
    assert call.state.phase is Phase.LISTENING
    assert Timer.SILENCE in call.timers


def test_a_voice_after_the_last_word_is_an_answer_although_its_mark_is_late():
    call = speaking(OPEN).later(2000).voice().expect(PausePlayout(1))
    call.paused(3000).expect(ResumePlayout(1))
    assert call.state.phase is Phase.LISTENING
    call.later(300).quiet(300).later(200).final("okay").expect(AskLlm(2, ()))


def test_the_agents_own_words_do_not_interrupt_it():
    call = speaking().interim("we are").expect()
    call.voice().paused(1040).later(300).interim("we are open from seven")
    call.expect(PausePlayout(1), ResumePlayout(1))


def test_a_caller_may_repeat_a_few_of_the_agents_words():
    call = speaking().voice().paused(1040).later(300).interim("on Saturday")
    call.expect(PausePlayout(1), ClearPlayout(1), CancelSpeech(1))


def test_a_caller_may_answer_in_the_words_of_the_question():
    call = speaking("Is Thursday at two p.m. or Friday at nine a.m. better for you?")
    call.later(1000).voice().paused(2000).later(300).interim("Friday at nine am")
    call.expect(PausePlayout(1), ClearPlayout(1), CancelSpeech(1))


def test_stop_interrupts_even_if_the_agent_says_it_too():
    call = speaking("Please stop by any time.").interim("stop")
    call.expect(ClearPlayout(1), CancelSpeech(1))


def test_the_first_moment_of_the_greeting_is_not_paused_by_a_voice():
    call = Playbook().given(CallStarted(100.0)).synthesized(0, 0, 2000).then()
    call.voice().expect()
    call.quiet(100).playing().later(200).voice().expect()
    call.quiet(100).later(600).voice().expect(PausePlayout(0))


def test_a_hello_does_not_stop_the_greeting_but_words_do():
    call = Playbook().given(CallStarted(100.0)).synthesized(0, 0, 2000).playing().then()
    call.later(300).final("Hello?").final("good morning").expect()
    call.later(300).interim("I need").expect(ClearPlayout(0), CancelSpeech(0))


def test_a_second_onset_while_undecided_changes_nothing():
    call = speaking().voice().paused(1040).then()
    call.later(100).voice().expect()


def test_a_pressed_digit_interrupts():
    call = Playbook().answered().asking().speaking(OPEN).later(500)
    call.given(DigitPressed(call.at, "5")).expect(ClearPlayout(1), CancelSpeech(1))
    assert call.state.caller.text == "5"


# --- before the first audio -----------------------------------------------------------------


def test_words_that_go_on_while_the_model_thinks_join_the_turn():
    call = Playbook().answered().asking("I need an oil change").later(400)
    call.voice().expect().later(400).interim("for tomorrow").expect(CancelReply(1))
    assert call.notes("reply_withdrawn") == []
    call.later(500).quiet(800).later(200).final("for tomorrow").expect(AskLlm(2, ()))
    assert call.said()[1:] == [("caller", "I need an oil change for tomorrow")]


def test_a_withdrawn_reply_is_noted():
    call = Playbook().answered().asking().interim("for tomorrow")
    assert call.notes("reply_withdrawn") == [{"turn": 1, "reason": "words"}]


def test_a_voice_while_the_model_thinks_holds_the_reply_back_until_it_ends():
    call = Playbook().answered().asking().later(300).voice()
    call.later(200).sentence(OPEN).finish().expect()
    call.later(100).quiet(300).expect(Speak(1, 0, OPEN))


def test_a_hold_lasts_while_the_voice_runs_but_not_for_ever():
    call = Playbook().answered().asking().later(300).voice().sentence(OPEN).then()
    waited = 0
    while not call.asked() and waited < 20:
        call.wait_for(Timer.BARGE_IN)
        waited += 1
    call.expect(Speak(1, 0, OPEN))
    assert 2 < waited < 9


def test_a_reply_nobody_has_heard_yet_is_not_dropped_for_a_bare_voice():
    call = Playbook().answered().asking().sentence(OPEN).then()
    call.voice().paused(0).expect(PausePlayout(1))
    call.wait_for(Timer.BARGE_IN).expect()
    call.later(100).quiet(900).then().wait_for(Timer.BARGE_IN).expect(ResumePlayout(1))


def test_a_backchannel_while_the_model_thinks_changes_nothing():
    call = Playbook().answered().asking()
    call.speaking(OPEN).later(2000).heard(0).asking("and Sunday").interim("okay").expect()
    assert call.state.phase is Phase.THINKING


def test_a_yes_while_the_model_thinks_counts_when_a_question_was_asked():
    call = Playbook().answered().asking("well Thursday sounds").interim("yes")
    call.expect(CancelReply(1))


# --- tools --------------------------------------------------------------------------------------


def test_an_interrupted_read_is_answered_with_an_error_and_its_late_result_ignored():
    call = Playbook().answered().asking().tool("lookup", "c1").finish()
    call.expect(RunTool(1, "c1", "lookup", "{}", ()))
    call.interim("no wait").expect(CancelReply(1))
    call.given(ToolFinished(call.at, "c1", '{"found": true}', True)).expect()
    assert call.said()[-1] == ("lookup", READ_CANCELLED)


def test_an_interrupted_write_goes_on_and_its_result_is_kept():
    call = Playbook().answered().asking("book it").tool("book", "c1", writes=True).finish().then()
    call.interim("and what does it cost").expect(CancelReply(1))
    assert call.said()[-1] == ("book", STILL_RUNNING)
    call.final("and what does it cost").expect()
    assert call.state.phase is Phase.THINKING
    call.given(ToolFinished(call.at, "c1", '{"status": "booked"}', True)).expect(AskLlm(2, ()))
    assert call.said()[1:] == [
        ("caller", "book it"),
        ("book", '{"status": "booked"}'),
        ("caller", "and what does it cost"),
    ]


def test_a_request_that_was_not_run_yet_is_forgotten():
    call = Playbook().answered().asking("book it").tool("book", "c1", writes=True).then()
    call.interim("no wait").expect(CancelReply(1))
    assert call.said()[-1] == ("caller", "book it")


# --- answers out of place -------------------------------------------------------------------------


def test_a_position_of_another_reply_is_ignored():
    call = speaking().voice()
    call.given(PlayoutPaused(call.at, 0, 500)).given(PlayoutCleared(call.at, 7, 500))
    assert call.state.barge_in.played_ms is None
    call.given(PlayoutCleared(call.at, 0, 500))
    assert call.said()[0] == ("agent", "Hello, how can I help?")


def test_a_decision_that_was_made_already_is_not_made_again():
    call = speaking().voice().paused(1040).later(500).quiet(450).then()
    call.paused(1040).expect()
    assert call.state.barge_in is None


def test_a_final_goodbye_cannot_be_interrupted():
    call = Playbook().answered()
    call.wait_for(Timer.CALL_LENGTH).synthesized(0, 0, 3000).playing().then().later(500)
    call.voice().interim("wait").expect()
    assert call.state.caller.text == ""


def test_a_digit_over_a_final_goodbye_is_ignored():
    call = Playbook().answered().wait_for(Timer.CALL_LENGTH).synthesized(0, 0, 3000).playing()
    call.then().given(DigitPressed(call.at, "1")).expect()


def test_a_goodbye_over_the_goodbye_resumes_it():
    call = Playbook().answered().asking("bye").tool("end_call", "c1").finish()
    call.given(ToolFinished(call.at, "c1", "{}", True, ends_call=True)).speaking("Goodbye.")
    call.later(500).voice().paused(500).later(300).final("bye bye")
    call.expect(PausePlayout(1), ResumePlayout(1))


def test_an_interruption_of_the_protected_greeting_began_with_the_running_voice():
    call = Playbook().given(CallStarted(100.0)).synthesized(0, 0, 2000).playing()
    call.later(200).voice(ago_ms=60).later(700).interim("I need").then()
    call.given(PlayoutCleared(call.at, 0, 900))
    (note,) = call.notes("barge_in")
    assert note["onset_at"] == pytest.approx(100.14)


def test_a_hold_ends_although_the_caller_goes_on_saying_yes():
    call = Playbook().answered().asking().speaking(OPEN).later(2000).heard(0)
    call.asking("and Sunday").later(100).voice().sentence(SATURDAY).then()
    for _ in range(8):
        call.interim("yeah yeah").wait_for(Timer.BARGE_IN)
        if call.state.barge_in is None:
            break
    call.expect(Speak(2, 0, SATURDAY))
    assert call.at - call.state.caller.rejected_at >= 4.0
