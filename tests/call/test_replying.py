"""Making a reply: sentences, tools, and what goes wrong."""

from __future__ import annotations

import pytest

from tests.call.playbook import PHRASES, Playbook
from voicecore.call.commands import (
    AskLlm,
    CancelReply,
    CancelSpeech,
    ClearPlayout,
    HangUp,
    RunTool,
    Speak,
    TransferCall,
)
from voicecore.call.events import (
    CallStarted,
    Finish,
    HangupCause,
    ReplyFailed,
    ReplyFinished,
    SentenceReady,
    Timer,
    ToolFinished,
    ToolRequested,
)
from voicecore.call.policy import Policy
from voicecore.call.reply import NEVER_RUN, NO_ANSWER
from voicecore.call.state import Phase


def asked(policy: Policy | None = None) -> Playbook:
    return Playbook(policy).answered().asking()


def result(call: Playbook, call_id: str, content: str = "{}", **flags: bool) -> Playbook:
    return call.given(ToolFinished(call.at, call_id, content, True, **flags))


def failing(call: Playbook) -> Playbook:
    return call.given(ReplyFailed(call.at, call.turn, "http 500"))


def test_sentences_are_spoken_as_they_come():
    call = asked().sentence("Sure.").sentence("Which day?")
    call.expect(Speak(1, 0, "Sure."), Speak(1, 1, "Which day?"))


def test_the_first_word_stops_the_overdue_clock():
    call = asked()
    assert call.due_ms(Timer.REPLY) == 6500
    call.sentence("Sure.")
    assert Timer.REPLY not in call.timers


@pytest.mark.parametrize("text", ["", "  ", "…", "—"])
def test_text_without_a_sound_is_no_text(text):
    call = asked().sentence(text).expect()
    call.finish().expect(Speak(1, 0, PHRASES.say_again))


def test_a_reply_that_was_heard_gives_the_floor_back():
    call = asked().speaking("Which day suits you?").later(2000).heard(0)
    assert call.state.phase is Phase.LISTENING
    assert call.said()[-1] == ("agent", "Which day suits you?")
    assert call.due_ms(Timer.SILENCE) == 7500


def test_words_of_another_turn_are_ignored():
    call = asked()
    call.given(SentenceReady(call.at, 0, "Old.")).given(SentenceReady(call.at, 2, "New.")).expect()
    call.given(ReplyFinished(call.at, 0, Finish.STOP)).given(ReplyFailed(call.at, 0, "x")).expect()
    call.given(ToolRequested(call.at, 0, "c", "look", "{}", False)).expect()
    assert call.state.phase is Phase.THINKING


# --- tools ------------------------------------------------------------------------------------


def test_tools_run_when_the_stream_has_ended_and_the_model_goes_on_with_their_results():
    call = asked().sentence("Let me look.").then()
    call.tool("lookup", "c1").tool("slots", "c2").expect()
    call.finish(Finish.TOOL_CALLS).expect(
        RunTool(1, "c1", "lookup", "{}", ()), RunTool(1, "c2", "slots", "{}", ())
    )
    result(call, "c2", '{"slots": []}').expect()
    result(call, "c1", '{"found": true}').expect(AskLlm(1, ()))


def test_the_model_goes_on_knowing_its_words_and_the_results():
    call = asked().sentence("Let me look.").tool("lookup", "c1").finish(Finish.TOOL_CALLS)
    result(call, "c1", '{"found": true}')
    history = call.last_history()
    assert [type(item).__name__ for item in history] == [
        "AgentSaid",
        "CallerSaid",
        "AgentSaid",
        "ToolUsed",
    ]
    assert (history[2].text, history[2].complete) == ("Let me look.", True)


def test_a_tool_sees_only_what_was_heard():
    call = asked().sentence("Let me look.").tool("lookup", "c1").finish(Finish.TOOL_CALLS)
    assert [item.text for item in call.last_history()] == [
        "Hello, how can I help?",
        "I need an oil change",
    ]


def test_words_behind_a_tool_follow_the_words_before_it():
    call = asked().sentence("Let me look.").tool("lookup", "c1").finish(Finish.TOOL_CALLS)
    call.synthesized(0, 0, 900).playing().later(900).heard(0)
    assert call.state.phase is Phase.THINKING
    result(call, "c1").then().sentence("You are Maria.").expect(Speak(1, 1, "You are Maria."))
    call.finish().synthesized(1, 900, 1000)
    assert call.state.phase is Phase.SPEAKING
    call.later(1000).heard(1)
    assert call.said()[2:] == [
        ("agent", "Let me look."),
        ("lookup", "{}"),
        ("agent", "You are Maria."),
    ]


def test_some_servers_end_with_stop_although_tools_are_asked_for():
    asked().tool("lookup", "c1").finish(Finish.STOP).expect(RunTool(1, "c1", "lookup", "{}", ()))


@pytest.mark.parametrize("finish", [Finish.LENGTH, Finish.CONTENT_FILTER])
def test_a_request_that_was_cut_off_never_runs(finish):
    call = asked().tool("book", "c1", writes=True).finish(finish).expect(AskLlm(1, ()))
    assert call.said()[-1] == ("book", NEVER_RUN)


def test_an_answer_that_was_cut_off_is_still_spoken():
    call = (
        asked().sentence("You can come").finish(Finish.LENGTH).expect(Speak(1, 0, "You can come"))
    )
    assert call.state.phase is Phase.THINKING


def test_an_id_in_use_is_asked_for_once_but_may_return_in_a_later_round():
    call = asked().tool("lookup", "c1").tool("lookup", "c1").finish()
    call.expect(RunTool(1, "c1", "lookup", "{}", ()))
    result(call, "c1").then().tool("slots", "c1").finish()
    call.expect(RunTool(1, "c1", "slots", "{}", ()))


def test_a_result_nobody_asked_for_is_ignored():
    call = asked()
    result(call, "c9").expect()
    call.tool("lookup", "c1")
    result(call, "c1").expect()
    call.finish()
    result(result(call, "c1").then(), "c1", "again").expect()


def test_a_slow_tool_is_covered_by_a_filler_once_a_turn():
    call = asked().tool("lookup", "c1").finish().then()
    assert call.due_ms(Timer.FILLER) == 700
    call.wait_for(Timer.FILLER).expect(Speak(1, 0, PHRASES.filler))
    result(call, "c1").then().tool("slots", "c2").finish()
    assert Timer.FILLER not in call.timers


def test_a_tool_of_650_ms_has_no_filler_and_one_of_5_s_has_one():
    quick = asked().tool("lookup", "c1").finish().then().later(650)
    result(quick, "c1")
    assert Timer.FILLER not in quick.timers
    slow = asked().tool("lookup", "c1").finish().then().wait_for(Timer.FILLER)
    slow.expect(Speak(1, 0, PHRASES.filler)).then().later(4300)
    assert Timer.FILLER not in slow.timers
    result(slow, "c1").expect(AskLlm(1, ()))


def test_no_filler_over_words_that_are_being_heard():
    call = asked().sentence("Let me look.").tool("lookup", "c1").finish().then()
    call.wait_for(Timer.FILLER).expect()


def test_no_filler_for_a_tool_that_is_done():
    call = asked().tool("lookup", "c1").finish()
    result(call, "c1")
    assert Timer.FILLER not in call.timers


def test_a_tool_that_never_answers_is_answered_with_an_error():
    call = asked().tool("book", "c1", writes=True).finish().then()
    assert call.due_ms(Timer.REPLY) == 20_000
    call.wait_for(Timer.REPLY).expect(AskLlm(1, ()))
    assert call.said()[-1] == ("book", NO_ANSWER)
    result(call, "c1", '{"status": "booked"}').expect()
    assert call.said()[-1] == ("book", '{"status": "booked"}')


def test_the_late_result_of_a_write_reaches_a_reply_of_the_past():
    call = asked().tool("book", "c1", writes=True).finish().wait_for(Timer.REPLY)
    call.sentence("I am not sure.").finish().synthesized(0, 0, 900).playing().heard(0).then()
    result(call, "c1", '{"status": "booked"}').expect()
    assert ("book", '{"status": "booked"}') in call.said()


def test_rounds_of_tools_are_bounded():
    call = asked(Policy(max_tool_rounds=2))
    for number in range(2):
        call.tool("lookup", f"c{number}").finish()
        result(call, f"c{number}")
    call.then().tool("lookup", "c9").finish().expect(Speak(1, 0, PHRASES.say_again))
    call.synthesized(0, 0, 900).playing().heard(0)
    assert call.state.phase is Phase.LISTENING


def test_a_question_waits_for_an_interrupted_write_but_not_for_ever():
    call = asked().tool("book", "c1", writes=True).finish().interim("hello").final("hello").then()
    call.wait_for(Timer.FILLER).expect(Speak(2, 0, PHRASES.filler))
    call.wait_for(Timer.REPLY).expect(AskLlm(2, ()))
    assert "still running" in call.said()[2][1]


def test_a_transfer_that_was_interrupted_happens_after_the_next_words():
    call = asked().tool("transfer", "c1", writes=True).finish().final("please do").then()
    result(call, "c1", "{}", transfer=True).expect(AskLlm(2, ()))
    call.sentence("One moment.").finish().synthesized(0, 0, 900).playing().heard(0)
    assert call.state.phase is Phase.ENDING
    call.wait_for(Timer.GOODBYE)
    assert call.asked()[-1] == TransferCall()


def test_a_transfer_that_comes_late_waits_for_the_next_answer():
    call = asked().tool("transfer", "c1", writes=True).finish().interim("hello").then()
    result(call, "c1", "{}", transfer=True)
    call.final("hello").sentence("Yes.").finish().synthesized(0, 0, 900).playing().heard(0)
    assert call.state.phase is Phase.ENDING


# --- failures ---------------------------------------------------------------------------------


def test_a_failed_reply_is_asked_for_once_more_with_an_apology():
    call = failing(asked()).expect(Speak(1, 0, PHRASES.apology), AskLlm(1, ()))
    call.sentence("Sure.").finish().synthesized(0, 0, 900).synthesized(1, 900, 900).playing()
    call.heard(1)
    assert call.said()[-1] == ("agent", "Sure.")
    assert call.state.troubles.failures == 0


def test_a_second_failure_leads_to_a_goodbye():
    call = failing(failing(asked()).then())
    call.expect(Speak(1, 1, PHRASES.failure_goodbye))
    call.synthesized(0, 0, 900).synthesized(1, 900, 900).playing().heard(1).then()
    call.wait_for(Timer.GOODBYE).expect(HangUp(HangupCause.FAILURE))


def test_a_second_failure_leads_to_a_human_where_there_is_one():
    call = failing(failing(asked(Policy(can_transfer=True))).then())
    call.expect(Speak(1, 1, PHRASES.handover))
    call.synthesized(0, 0, 900).synthesized(1, 900, 900).playing().heard(1).then()
    call.wait_for(Timer.GOODBYE).expect(TransferCall())


def test_an_overdue_reply_goes_on_under_a_new_number():
    call = asked().wait_for(Timer.REPLY)
    call.expect(CancelReply(1), Speak(2, 0, PHRASES.apology), AskLlm(2, ()))
    call.given(SentenceReady(call.at, 1, "Too late.")).expect()


def test_a_reply_that_is_overdue_twice_is_given_up():
    call = asked().wait_for(Timer.REPLY).synthesized(0, 0, 900).playing().heard(0).then()
    call.wait_for(Timer.REPLY).expect(CancelReply(2), Speak(3, 0, PHRASES.failure_goodbye))


def test_a_filler_that_is_still_playing_is_cut_when_the_reply_is_overdue():
    call = asked().tool("lookup", "c1").finish().wait_for(Timer.FILLER)
    result(call, "c1").then().wait_for(Timer.REPLY)
    assert call.asked()[:3] == [ClearPlayout(1), CancelReply(1), CancelSpeech(1)]


def test_an_empty_reply_asks_the_caller_to_say_it_again():
    call = asked().finish().expect(Speak(1, 0, PHRASES.say_again))
    call.synthesized(0, 0, 900).playing().heard(0)
    assert call.state.phase is Phase.LISTENING


def test_a_failed_goodbye_is_said_by_the_reducer():
    call = asked().tool("end_call", "c1").finish()
    result(call, "c1", ends_call=True)
    failing(call.then()).expect(Speak(1, 0, PHRASES.goodbye))


def test_an_overdue_handover_is_said_by_the_reducer():
    call = asked().tool("transfer", "c1").finish()
    result(call, "c1", transfer=True).then().wait_for(Timer.REPLY)
    call.expect(CancelReply(1), Speak(2, 0, PHRASES.handover))


def test_an_answer_that_stops_moving_is_asked_for_again():
    call = asked().speaking("We are open.", "Every day.").then().wait_for(Timer.DEAD_AIR)
    call.expect(ClearPlayout(1), CancelSpeech(1), Speak(2, 0, PHRASES.apology), AskLlm(2, ()))


def test_a_greeting_that_stops_moving_is_followed_by_another_sentence():
    call = Playbook().given(CallStarted(100.0)).then().wait_for(Timer.DEAD_AIR)
    call.expect(ClearPlayout(0), CancelSpeech(0), Speak(1, 0, PHRASES.say_again))


def test_only_open_calls_are_answered_with_an_error():
    call = asked().tool("lookup", "c1").tool("slots", "c2").finish()
    result(call, "c1", '{"found": true}').wait_for(Timer.REPLY)
    assert call.said()[-2:] == [("lookup", '{"found": true}'), ("slots", NO_ANSWER)]


def test_a_question_waits_for_every_interrupted_write():
    call = asked().tool("book", "c1", writes=True).tool("text", "c2", writes=True).finish()
    call.final("hello").then()
    result(call, "c1").expect()
    result(call, "c2").expect(AskLlm(2, ()))
