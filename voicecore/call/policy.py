"""Every threshold of the reducer, and every text that it may speak by itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long the call waits for what; `_ms` are milliseconds, `_s` seconds."""

    # --- barge-in ---
    barge_in_decide_ms: int = 900
    """So much voice without a backchannel's words interrupts; counted from the onset."""
    stop_words_ms: int = 480
    """So long after its onset the words of a short voice are waited for before the agent goes on:
    "wait" and "no" are as short as "yeah"."""
    answer_words_ms: int = 900
    """The same when the agent has just asked something: a short voice is likely the answer."""
    long_run_words_ms: int = 150
    """From the end of a longer voice to the agent going on, when no words come."""
    voice_hangover_ms: int = 100
    """The voice detector tells the end of a voice so much later; the decision waits for it."""
    barge_in_decide_goodbye_ms: int = 1500
    """The same while the agent says goodbye: people say "bye" over it."""
    backchannel_max_ms: int = 750
    """A shorter run of voice without words yet is taken for a backchannel or a noise."""
    hold_max_ms: int = 4000
    """Longest hold of a reply that nobody has heard anything of, when no words come."""
    late_words_ms: int = 2500
    """How long the words of a voice run that did not interrupt may be late."""
    greeting_protect_ms: int = 300
    """In so much of the greeting only words interrupt, never the bare voice."""
    echo_min_words: int = 4
    """With the caller's voice detected, fewer repeated words are not taken for an echo."""
    echo_tail_ms: int = 1500
    """How long after the agent's last word its echo may still arrive as words."""

    # --- end of the caller's turn ---
    finalize_after_ms: int = 260
    """From the end of the voice to the request for final words."""
    endpoint_ms: int = 1500
    """From the last words to the end of the turn when the listener never says so."""
    endpoint_incomplete_ms: int = 2500
    """The same when the words cannot be the end of a sentence or of a number."""
    endpoint_dictation_ms: int = 3500
    """The same within a number, a code or a spelling that the agent has asked for."""
    endpoint_complete_ms: int = 400
    """The same when the words are a whole answer ("yes please") and the voice has stopped."""
    endpoint_max_ms: int = 4000
    """The turn ends so long after its last words even if the voice detector hears a voice."""
    fresh_voice_ms: int = 300
    """A voice run younger than this cannot be part of an utterance that was just closed."""
    voice_latch_ms: int = 4000
    """A voice run counts as running so long after its onset or its last words, no longer."""
    digits_pause_ms: int = 2500
    """From the last pressed digit to the end of the number."""

    # --- reply ---
    filler_after_ms: int = 700
    """A tool that runs longer than this is covered by a filler, once a turn."""
    reply_overdue_ms: int = 6500
    """From the question to the model to its first word; its client tries two models in less."""
    tool_overdue_ms: int = 20_000
    """Tools that have not answered by then are answered with an error."""
    max_tool_rounds: int = 8
    """Rounds of tool calls within one turn."""
    max_failures: int = 2
    """So many failed replies one after the other end the call."""

    # --- silence, length, end ---
    silence_ms: int = 7500
    """From the agent's last heard word to each prompt, and at last to the goodbye."""
    empty_turn_ms: int = 3000
    """From an interruption to the question to say it again, when no words come."""
    silence_extra_ms: int = 1500
    """One postponement of a prompt because the caller's voice is running."""
    dead_air_ms: int = 8000
    """Nothing happened for so long: the supervisor acts."""
    goodbye_tail_ms: int = 400
    """From the last heard word of the goodbye to the hang-up."""
    goodbye_voice_ms: int = 1500
    """The same, once, when the caller's voice starts in that tail."""
    goodbye_wait_ms: int = 10_000
    """Longest wait for the goodbye to be heard, beyond the length of its audio."""
    max_call_s: int = 900
    """Longest call."""
    warn_before_s: int = 60
    """The caller is told so long before that the time is nearly over; 0: not at all."""
    can_transfer: bool = False
    """A human can take the call when the agent cannot go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """What the agent says without the model; pass the shop's own wording."""

    still_there: str = "Are you still there?"
    still_there_again: str = "I can't hear you. Are you still on the line?"
    goodbye: str = "Thank you for calling. Goodbye."
    apology: str = "Sorry, one moment please."
    """Before the model is asked once more."""
    say_again: str = "Sorry, I didn't get that. Could you say it again?"
    filler: str = "One moment, please."
    listener_lost: str = (
        "I'm having trouble hearing you. You can use your keypad: "
        "enter your phone number, then press the pound key."
    )
    taken_back: str = (
        "I'm sorry, nobody is free to take your call right now, so I'm back with you. "
        "What can I do for you?"
    )
    """After a transfer that nobody answered."""
    time_is_short: str = "Just so you know, we have about one minute left on this call."
    time_is_up: str = "I'm sorry, we have reached the end of the time for this call. Goodbye."
    handover: str = "I'm sorry, I can't help with that right now. Let me get a colleague."
    failure_goodbye: str = (
        "I'm sorry, something is wrong on our side. Please call again a little later. Goodbye."
    )
