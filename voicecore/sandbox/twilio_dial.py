"""The second leg of a `<Dial>`: it rings, somebody picks up, hears a document alone, and talks.

Source: Twilio, TwiML `<Dial>` and `<Number>` (`url`: run on the called party before the two are
connected).
"""

from __future__ import annotations

from urllib.parse import urljoin

from voicecore.sandbox.twilio_call import PlacedCall
from voicecore.sandbox.twilio_twiml import SCHEMA, TwimlError, Verb, read_twiml
from voicecore.sandbox.twilio_webhook import WebhookError

_WHISPER_VERBS = frozenset({"Say", "Play", "Pause", "Gather", "Hangup", "Redirect"})


class DialLeg:
    """The call to `target` on behalf of `call`, with a CallSid of its own."""

    def __init__(self, call: PlacedCall, target: str, call_sid: str) -> None:
        self._call = call
        self._target = target
        self._call_sid = call_sid

    async def whisper(self, base: str, dial: Verb, *, hears_out: bool) -> bool:
        """Run the document at the noun's `url`; return whether the two are connected after it.

        A document that cannot be had is in the debugger, and the two are connected all the same.
        """
        noun = next((noun for noun in dial.nouns if noun.get("url")), None)
        if noun is None:
            return True
        params = self._call.request_params() | {
            "CallSid": self._call_sid,
            "ParentCallSid": self._call.call_sid,
            "Direction": "outbound-dial",
            "CallStatus": "in-progress",
            "To": self._target,
            "Called": self._target,
        }
        try:
            answer = await self._call.webhooks.request(
                noun.get("method", "POST"), urljoin(base, noun.get("url")), params
            )
            document = read_twiml(answer.body, answer.content_type)
        except WebhookError as error:
            self._call.note(error.code, str(error))
            return True
        except TwimlError as error:
            self._call.note(error.problem.code, str(error))
            return True
        for verb in document.verbs:
            if verb.name not in _WHISPER_VERBS:
                self._call.note(SCHEMA, f"{verb.name} in a document for the called party")
            if verb.name == "Hangup":
                return False
            if verb.name == "Say":
                self._call.whispers.append(verb.text)
        return hears_out

    def result_params(self, status: str, talk_s: float, *, bridged: bool) -> dict[str, str]:
        """Return what the `action` of the `<Dial>` is told."""
        params = {
            "DialCallStatus": status,
            "DialCallSid": self._call_sid,
            "DialBridged": "true" if bridged else "false",
        }
        if status == "completed":
            params["DialCallDuration"] = str(round(talk_s))
        return params
