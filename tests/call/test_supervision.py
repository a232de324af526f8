"""Silence and dead air: somebody always acts."""

from __future__ import annotations

from dataclasses import replace

from tests.call.playbook import PHRASES, Playbook
from voicecore.call.commands import (
    AskLlm,
    CancelReply,
    CancelSpeech,
    ClearPlayout,
    HangUp,
    Speak,
    TransferCall,
)
from voicecore.call.events import (
    CallStarted,
    HangupCause,
    ListenerLost,
    ListenerRestored,
    MediaGap,
    ShutdownRequested,
    Timer,
    ToolFinished,
)
from voicecore.call.policy import Policy
from voicecore.call.state import Phase


def heard(call: Playbook) -> Playbook:
    """The running reply, one segment, is heard."""
    return call.synthesized(0, 0, 900).playing().later(900).heard(0).then()


def test_two_prompts_and_a_goodbye():
    call = Playbook().answered()
    assert call.due_ms(Timer.SILENCE) == 7500
    call.wait_for(Timer.SILENCE).expect(Speak(1, 0, PHRASES.still_there))
    heard(call).wait_for(Timer.SILENCE).expect(Speak(2, 0, PHRASES.still_there_again))
    heard(call).wait_for(Timer.SILENCE).expect(Speak(3, 0, PHRASES.goodbye))
    heard(call).wait_for(Timer.GOODBYE).expect(HangUp(HangupCause.AGENT))


def test_the_silence_begins_when_the_agent_was_heard_not_when_it_was_sent():
    call = Playbook().answered().asking().speaking("A long answer.")
    assert Timer.SILENCE not in call.timers
    call.later(2000).heard(0)
    assert call.due_ms(Timer.SILENCE) == 7500


def test_a_caller_who_speaks_starts_the_prompts_anew():
    call = Playbook().answered().wait_for(Timer.SILENCE)
    heard(call).asking("sorry I was away").speaking("No problem.").heard(0).then()
    call.wait_for(Timer.SILENCE).expect(Speak(3, 0, PHRASES.still_there))


def test_a_caller_who_returns_during_the_goodbye_is_welcome():
    call = Playbook().answered()
    for _ in range(3):
        call.wait_for(Timer.SILENCE)
        if call.state.turn < 3:
            heard(call)
    call.synthesized(0, 0, 900).playing().then()
    call.interim("I'm here").expect(ClearPlayout(3), CancelSpeech(3))


def test_an_interruption_without_words_is_asked_about_soon():
    call = Playbook().answered().asking().speaking("We are open all day.").later(500)
    call.voice().paused(500).wait_for(Timer.BARGE_IN).then()
    assert call.due_ms(Timer.SILENCE) == 3000
    call.later(500).quiet(1200).wait_for(Timer.SILENCE).expect(Speak(2, 0, PHRASES.say_again))


def test_a_turn_whose_second_half_vanished_is_answered():
    call = Playbook().answered().asking().interim("and").interim("").then()
    call.wait_for(Timer.ENDPOINT).wait_for(Timer.SILENCE).expect(AskLlm(2, ()))
    assert call.said()[-1] == ("caller", "I need an oil change")


def test_a_running_voice_puts_a_prompt_off_twice():
    call = Playbook().answered().later(7400)
    for _ in range(2):
        call.voice().wait_for(Timer.SILENCE).expect()
        assert call.due_ms(Timer.SILENCE) == 1500
        assert call.due_ms(Timer.DEAD_AIR) == 8000
    call.voice().wait_for(Timer.SILENCE).expect(Speak(1, 0, PHRASES.still_there))


def test_a_goodbye_that_is_due_takes_the_place_of_a_prompt():
    call = Playbook().answered().voice().given(ShutdownRequested(101.0)).quiet(100)
    call.wait_for(Timer.SILENCE).expect(Speak(1, 0, PHRASES.goodbye))


def test_a_deaf_call_is_given_up_after_the_first_silence():
    call = Playbook(Policy(can_transfer=True)).answered()
    call.given(ListenerLost(102.0, "closed", True)).expect(Speak(1, 0, PHRASES.listener_lost))
    heard(call).wait_for(Timer.SILENCE).expect(Speak(2, 0, PHRASES.handover))
    heard(call).wait_for(Timer.GOODBYE).expect(TransferCall())


def test_a_listener_that_returns_brings_the_prompts_back():
    call = Playbook().answered().given(ListenerLost(102.0, "closed", True))
    heard(call).given(ListenerRestored(call.at)).then()
    call.wait_for(Timer.SILENCE).expect(Speak(2, 0, PHRASES.still_there))


def test_dead_air_while_listening_acts_like_silence():
    """Nothing else fired: a prompt, and for words the end of the turn."""
    call = Playbook().answered()
    call.timers.pop(Timer.SILENCE)
    call.state = without(call, Timer.SILENCE)
    call.wait_for(Timer.DEAD_AIR).expect(Speak(1, 0, PHRASES.still_there))
    call = Playbook().answered().interim("an oil change")
    call.timers.pop(Timer.ENDPOINT)
    call.state = without(call, Timer.ENDPOINT)
    call.wait_for(Timer.DEAD_AIR).expect(AskLlm(1, ()))


def without(call: Playbook, timer: Timer):
    timers = tuple(entry for entry in call.state.timers if entry[0] is not timer)
    return replace(call.state, timers=timers)


def test_a_greeting_that_never_plays_is_followed_by_another_sentence_and_then_the_end():
    call = Playbook().given(CallStarted(100.0)).then()
    call.wait_for(Timer.DEAD_AIR)
    call.expect(ClearPlayout(0), CancelSpeech(0), Speak(1, 0, PHRASES.say_again))
    call.wait_for(Timer.DEAD_AIR)
    call.expect(ClearPlayout(1), CancelSpeech(1), HangUp(HangupCause.FAILURE))


def test_an_answer_that_stops_moving_is_asked_for_again():
    call = Playbook().answered().asking().speaking("We are open all day.", "Every day.")
    call.later(2000).heard(0).then().wait_for(Timer.DEAD_AIR)
    call.expect(ClearPlayout(1), CancelSpeech(1), Speak(2, 0, PHRASES.apology), AskLlm(2, ()))


def test_a_stream_that_stalls_after_its_first_word_is_asked_for_again():
    call = Playbook().answered().asking().sentence("We are open.").synthesized(0, 0, 900)
    call.playing().heard(0).then().wait_for(Timer.DEAD_AIR)
    call.expect(CancelReply(1), Speak(2, 0, PHRASES.apology), AskLlm(2, ()))


def test_long_audio_is_no_dead_air():
    call = Playbook().answered().asking().speaking("A very long sentence.", ms=20_000)
    assert call.due_ms(Timer.DEAD_AIR) == 28_000


def test_dead_air_under_a_tool_is_filled_again():
    call = Playbook().answered().asking().tool("slots", "c1").finish().wait_for(Timer.FILLER)
    heard(call).wait_for(Timer.DEAD_AIR).expect(Speak(1, 1, PHRASES.filler))
    call.synthesized(1, 900, 900).heard(1)
    call.given(ToolFinished(call.at, "c1", "{}", True)).expect(AskLlm(1, ()))


def test_a_goodbye_that_stops_moving_is_the_end():
    call = Playbook().answered().wait_for(Timer.CALL_LENGTH).then()
    call.wait_for(Timer.DEAD_AIR)
    call.expect(ClearPlayout(1), CancelSpeech(1), HangUp(HangupCause.AGENT))


def test_a_goodbye_of_the_model_that_stalls_is_said_by_the_reducer():
    call = Playbook().answered().asking("bye").tool("end_call", "c1").finish()
    call.given(ToolFinished(call.at, "c1", "{}", True, ends_call=True)).sentence("Thanks.")
    call.synthesized(0, 0, 900).playing().heard(0).then().wait_for(Timer.DEAD_AIR)
    call.expect(CancelReply(1), Speak(2, 0, PHRASES.goodbye))
    heard(call).wait_for(Timer.GOODBYE).expect(HangUp(HangupCause.AGENT))


def test_noise_does_not_move_the_supervisor_but_words_do():
    call = Playbook().answered()
    due_at = call.timers[Timer.DEAD_AIR]
    call.later(1000).voice().quiet(300).given(MediaGap(call.at, 40)).interim("")
    assert call.timers[Timer.DEAD_AIR] == due_at
    call.interim("I need")
    assert call.due_ms(Timer.DEAD_AIR) == 8000


def test_nothing_is_supervised_after_the_last_words():
    call = Playbook().answered().wait_for(Timer.CALL_LENGTH)
    heard(call)
    assert call.state.phase is Phase.ENDING
    assert set(call.timers) == {Timer.GOODBYE}
