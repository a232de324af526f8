"""The end of a call."""

from __future__ import annotations

import pytest

from tests.call.playbook import PHRASES, Playbook
from voicecore.call.commands import (
    AskLlm,
    CancelReply,
    CancelSpeech,
    ClearPlayout,
    FinalizeListener,
    HangUp,
    PausePlayout,
    ResumePlayout,
    Speak,
    TransferCall,
)
from voicecore.call.events import (
    CallEnded,
    CallStarted,
    DigitPressed,
    HangupCause,
    ListenerLost,
    PlayoutCleared,
    ReplyFailed,
    SentenceReady,
    ShutdownRequested,
    Timer,
    ToolFinished,
)
from voicecore.call.policy import Policy
from voicecore.call.state import Phase

BYE = "Thanks for calling, goodbye."


def leaving(**flags: bool) -> Playbook:
    """The model has ended the call and is saying so; 0.5 s of two are heard."""
    call = Playbook().answered().asking("that's all, bye").tool("end_call", "c1").finish()
    call.given(ToolFinished(call.at, "c1", "{}", True, **(flags or {"ends_call": True})))
    return call.speaking(BYE).later(500)


def test_the_line_is_cut_a_moment_after_the_goodbye_was_heard():
    call = leaving().later(1500).heard(0).expect()
    assert call.state.phase is Phase.ENDING
    assert call.due_ms(Timer.GOODBYE) == 400
    call.wait_for(Timer.GOODBYE).expect(HangUp(HangupCause.AGENT))
    assert call.state.phase is Phase.ENDED
    assert call.timers == {}


def test_a_transfer_follows_the_sentence_that_announces_it():
    call = leaving(transfer=True).later(1500).heard(0)
    call.wait_for(Timer.GOODBYE).expect(TransferCall())


def test_the_line_is_cut_even_if_the_goodbye_is_never_reported_as_heard():
    call = leaving()
    assert call.due_ms(Timer.GOODBYE) == 11_500
    call.wait_for(Timer.GOODBYE)
    call.expect(ClearPlayout(1), CancelSpeech(1), HangUp(HangupCause.AGENT))


def test_one_more_thing_calls_the_end_off():
    call = leaving().voice().paused(500).later(300).interim("wait, one more thing")
    call.expect(PausePlayout(1), ClearPlayout(1), CancelSpeech(1))
    assert Timer.GOODBYE not in call.timers
    call.final("wait, one more thing").expect(AskLlm(2, ()))


def test_a_goodbye_in_return_does_not():
    call = leaving().voice().paused(500).later(900).quiet(900).final("thank you, bye bye")
    call.expect(PausePlayout(1), FinalizeListener(), ResumePlayout(1))
    call.later(1500).heard(0).wait_for(Timer.GOODBYE).expect(HangUp(HangupCause.AGENT))


def test_a_goodbye_in_return_may_take_its_time():
    call = leaving().voice().paused(500)
    assert call.due_ms(Timer.BARGE_IN) == 1540


def test_words_in_the_tail_call_the_end_off():
    call = leaving().later(1500).heard(0).later(200).interim("oh wait")
    assert call.notes("end_called_off") == [{"cause": "agent"}]
    assert call.expect().state.phase is Phase.LISTENING
    call.final("oh wait").expect(AskLlm(2, ()))


def test_a_goodbye_in_the_tail_does_not():
    call = leaving().later(1500).heard(0).later(200).final("bye").interim("")
    assert call.state.phase is Phase.ENDING


def test_a_voice_in_the_tail_gets_a_moment_for_its_first_word():
    call = leaving().later(1500).heard(0).later(200).voice()
    assert call.due_ms(Timer.GOODBYE) == 1300
    call.later(1000).quiet(900).voice()
    assert call.due_ms(Timer.GOODBYE) == 300
    call.wait_for(Timer.GOODBYE).expect(HangUp(HangupCause.AGENT))


def test_a_key_in_the_tail_calls_the_end_off():
    call = leaving().later(1500).heard(0).given(DigitPressed(103.0, "*"))
    assert call.state.phase is Phase.ENDING
    call.given(DigitPressed(call.at, "5"))
    assert call.state.phase is Phase.LISTENING
    assert call.state.caller.text == "5"


def test_the_end_of_the_time_cannot_be_called_off():
    call = Playbook().answered().wait_for(Timer.CALL_LENGTH)
    call.expect(Speak(1, 0, PHRASES.time_is_up))
    call.synthesized(0, 0, 3000).playing().later(3000).heard(0)
    call.voice().interim("but wait").given(DigitPressed(call.at, "5"))
    assert call.due_ms(Timer.GOODBYE) == 400
    call.wait_for(Timer.GOODBYE).expect(HangUp(HangupCause.AGENT))


def test_the_end_of_the_time_waits_for_the_running_reply():
    call = Playbook().answered().asking().speaking("Sure.")
    call.wait_for(Timer.CALL_LENGTH).expect()
    call.heard(0).expect(Speak(2, 0, PHRASES.time_is_up))


def test_the_end_of_the_time_answers_the_next_turn():
    call = Playbook().answered().interim("I need").wait_for(Timer.CALL_LENGTH).expect()
    call.final("I need", 0.0).wait_for(Timer.ENDPOINT).expect(Speak(1, 0, PHRASES.time_is_up))
    assert call.said()[-1] == ("caller", "I need")


def test_a_worker_that_stops_says_goodbye_when_nobody_talks():
    call = Playbook().answered().given(ShutdownRequested(102.0))
    call.expect(Speak(1, 0, PHRASES.goodbye))
    call.synthesized(0, 0, 900).playing().heard(0).wait_for(Timer.GOODBYE)
    call.expect(HangUp(HangupCause.SHUTDOWN))


def test_a_worker_that_stops_lets_a_voice_finish():
    call = Playbook().answered().voice().given(ShutdownRequested(102.0)).expect()
    call.later(900).quiet(900).final("I need an oil change").expect(Speak(1, 0, PHRASES.goodbye))


def test_the_first_goodbye_that_is_due_stays():
    call = Playbook().given(CallStarted(100.0), ShutdownRequested(101.0)).then()
    call.wait_for(Timer.CALL_LENGTH).synthesized(0, 0, 900).playing().heard(0)
    call.expect(Speak(1, 0, PHRASES.goodbye))


def test_a_stop_before_the_call_has_begun_comes_after_the_greeting():
    call = Playbook().given(ShutdownRequested(99.0), CallStarted(100.0)).then()
    call.synthesized(0, 0, 900).playing().heard(0).expect(Speak(1, 0, PHRASES.goodbye))


def test_a_line_that_is_gone_stops_everything():
    call = Playbook().answered().asking().sentence("Sure.").tool("lookup", "c1").then()
    call.given(CallEnded(110.0, HangupCause.CALLER))
    call.expect(ClearPlayout(1), CancelReply(1), CancelSpeech(1))
    assert call.timers == {}
    assert call.state.phase is Phase.ENDED
    call.given(SentenceReady(111.0, 1, "Late."), ToolFinished(111.0, "c1", "{}", True)).expect()
    call.given(CallEnded(112.0, HangupCause.SOCKET_LOST)).expect()


def test_facts_are_written_down_after_the_end():
    call = Playbook().answered().asking("book it").tool("book", "c1", writes=True).finish()
    call.given(CallEnded(110.0, HangupCause.CALLER)).then()
    call.given(ToolFinished(111.0, "c1", '{"status": "booked"}', True)).expect()
    assert call.said()[-1] == ("book", '{"status": "booked"}')


def test_what_was_heard_before_the_hang_up_is_kept():
    call = Playbook().answered().asking().speaking("We are open from seven to six.")
    call.given(CallEnded(110.0, HangupCause.CALLER)).given(PlayoutCleared(110.0, 1, 1200))
    assert call.said()[-1] == ("agent", "We are open -")


@pytest.mark.parametrize("cause", HangupCause)
def test_a_call_may_end_before_it_began(cause):
    call = Playbook().given(CallEnded(100.0, cause)).expect()
    assert call.state.phase is Phase.ENDED


def test_giving_up_lets_words_that_are_being_heard_finish():
    call = Playbook().answered().asking().sentence("Let me see.").then()
    call.given(ReplyFailed(call.at, 1, "http 500")).then()
    call.given(ReplyFailed(call.at, 1, "http 500")).expect(Speak(1, 2, PHRASES.failure_goodbye))
    assert Timer.GOODBYE in call.timers


def test_giving_up_takes_a_reply_off_that_has_not_begun():
    call = Playbook().answered().asking().wait_for(Timer.REPLY)
    call.synthesized(0, 0, 900).playing().heard(0).then().wait_for(Timer.REPLY)
    call.expect(CancelReply(2), Speak(3, 0, PHRASES.failure_goodbye))


def test_giving_up_without_a_reply_only_says_so():
    call = Playbook().answered().given(ListenerLost(102.0, "closed", True))
    call.synthesized(0, 0, 900).playing().heard(0).then().wait_for(Timer.SILENCE)
    call.expect(Speak(2, 0, PHRASES.failure_goodbye))


def test_a_call_that_cannot_go_on_ends_with_a_failure():
    call = Playbook().given(CallStarted(100.0))
    call.wait_for(Timer.DEAD_AIR).then().wait_for(Timer.DEAD_AIR)
    assert call.asked()[-1] == HangUp(HangupCause.FAILURE)


def test_the_caller_is_told_that_the_time_is_nearly_over():
    call = Playbook().answered().wait_for(Timer.CALL_WARNING)
    call.expect(Speak(1, 0, PHRASES.time_is_short))
    call.synthesized(0, 0, 900).playing().heard(0).then()
    assert call.state.phase is Phase.LISTENING
    assert Timer.CALL_LENGTH in call.timers


def test_the_warning_waits_until_nobody_talks():
    call = Playbook().answered().voice().wait_for(Timer.CALL_WARNING).expect()
    assert call.due_ms(Timer.CALL_WARNING) == 1000
    call.quiet(300).wait_for(Timer.CALL_WARNING).expect(Speak(1, 0, PHRASES.time_is_short))


def test_a_short_call_and_a_closing_one_have_no_warning():
    short = Playbook(Policy(max_call_s=60)).answered()
    assert Timer.CALL_WARNING not in short.timers
    closing = Playbook().answered().voice().given(ShutdownRequested(110.0))
    closing.wait_for(Timer.CALL_WARNING).expect()
    assert closing.state.phase is Phase.LISTENING and closing.state.closing is not None
