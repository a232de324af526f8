"""The verbs that listen to the caller: `<Gather>` collects keys or words, `<Record>` a message.

Words are taken from what the caller really meant to say: recognising speech is not modelled here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from voicecore.sandbox.twilio_call import PlacedCall
from voicecore.sandbox.twilio_twiml import Verb, number_of

_POLL_S = 0.02
_END_OF_SPEECH_S = 0.5
_MANY_DIGITS = 1000


@dataclass(frozen=True, slots=True)
class _Input:
    digits: str = ""
    finish: str = ""
    speech: str = ""
    complete: bool = False


async def gather(
    call: PlacedCall, verb: Verb, *, first_key: int, first_utterance: int
) -> dict[str, str] | None:
    """Collect input; return the parameters for `action`, None: nothing came in time.

    Keys and utterances of the call's record count from the given indices on.
    """
    timeout_s = number_of(verb.get("timeout"), 5.0)
    quiet_since_s = call.line.now_s()
    got = _Input()
    while call.line.now_s() - quiet_since_s < timeout_s and not call.disturbed.is_set():
        before = got
        got = _read_input(call, verb, first_key, first_utterance)
        if got.complete:
            break
        if (got.digits, got.speech) != (before.digits, before.speech):
            quiet_since_s = call.line.now_s()
        await call.wait(_POLL_S)
    if got.digits or got.finish:
        return {"Digits": got.digits, "FinishedOnKey": got.finish}
    if got.speech:
        return {"SpeechResult": got.speech, "Confidence": "0.9"}
    return {} if verb.get("actionOnEmptyResult") == "true" else None


def _read_input(call: PlacedCall, verb: Verb, first_key: int, first_utterance: int) -> _Input:
    limit = int(number_of(verb.get("numDigits"), _MANY_DIGITS)) or _MANY_DIGITS
    finish_keys = verb.get("finishOnKey", "#")
    digits, finish = "", ""
    for key in call.record.keys[first_key:]:
        if key.digit in finish_keys:
            finish = key.digit
            break
        digits += key.digit
    spoken = []
    if "speech" in verb.get("input", "dtmf").split():
        spoken = call.record.utterances[first_utterance:]
    speech = " ".join(utterance.text for utterance in spoken)
    heard_out = bool(spoken) and call.line.now_s() > spoken[-1].end_s + _END_OF_SPEECH_S
    complete = bool(finish) or len(digits) >= limit or heard_out
    return _Input(digits[:limit], finish, speech, complete)


async def record_message(call: PlacedCall, verb: Verb) -> dict[str, str]:
    """Record until the caller has said nothing for `timeout` seconds or pressed a key."""
    line = call.line
    keys = len(line.record.keys)
    started_s = line.now_s()
    longest_s = number_of(verb.get("maxLength"), 3600.0)
    timeout_s = number_of(verb.get("timeout"), 5.0)
    while line.now_s() - started_s < longest_s and len(line.record.keys) == keys:
        spoken_s = max((u.end_s for u in line.record.utterances), default=0.0)
        if line.now_s() - max(spoken_s, started_s) > timeout_s or call.disturbed.is_set():
            break
        await call.wait(_POLL_S)
    sid = "RE" + secrets.token_hex(16)
    account = call.plan.account_sid
    return {
        "RecordingSid": sid,
        "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{sid}",
        "RecordingDuration": str(round(line.now_s() - started_s)),
    }
