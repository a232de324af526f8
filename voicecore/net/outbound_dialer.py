"""Calls and texts for background jobs: through the gate, and with an answer instead of an error."""

from __future__ import annotations

from dataclasses import dataclass

from voicecore.dialog import phrases
from voicecore.errors import TwilioRestError
from voicecore.net.twilio_rest import NumberNotAllowed, RestCall, TwilioRest
from voicecore.wire import twiml

REMINDER_PATH = "/outbound-reminder"
LONGEST_REMINDER_S = 300
BUSY_API = 20429


@dataclass(frozen=True, slots=True, kw_only=True)
class DialOutcome:
    """What came of a call or a text that was asked for.

    `sid` is there when it was taken. Without one, `unknown` says that it may have been taken all
    the same, and `retryable` that the same again can succeed; `reason` is for people.
    """

    sid: str | None = None
    unknown: bool = False
    retryable: bool = False
    reason: str = ""


class OutboundDialer:
    """Rings and texts for those who cannot know this layer's errors."""

    def __init__(self, rest: TwilioRest, *, shop_name: str = "") -> None:
        self._rest = rest
        self._message = twiml.say(phrases.REMINDER_VOICEMAIL.format(shop=shop_name))

    def admits(self, to_e164: str) -> bool:
        """Say whether the gate is open for a number."""
        return self._rest.admits(to_e164)

    async def dial(self, to_e164: str, attempt_id: int) -> DialOutcome:
        """Ring somebody for a reminder; the attempt's number comes back with the webhooks."""
        path = f"{REMINDER_PATH}?attempt={attempt_id}"
        try:
            sid = await self._rest.place_call(to_e164, path, longest_s=LONGEST_REMINDER_S)
        except TwilioRestError as error:
            return _failed(error)
        return DialOutcome(sid=sid)

    async def text(self, to_e164: str, body: str) -> DialOutcome:
        """Send one message."""
        try:
            return DialOutcome(sid=await self._rest.send_sms(to_e164, body))
        except TwilioRestError as error:
            return _failed(error)

    async def leave_message(self, call_sid: str) -> bool:
        """Speak the message for mailboxes on a live call and hang up; False: it was not taken."""
        try:
            await self._rest.redirect(call_sid, self._message)
        except TwilioRestError:
            return False
        return True

    async def texts_to(self, to_e164: str) -> dict[str, str] | None:
        """Return the words of our latest messages to a number by SID; None: no answer."""
        try:
            return await self._rest.texts_to(to_e164)
        except TwilioRestError:
            return None

    async def calls_to(self, to_e164: str) -> tuple[RestCall, ...] | None:
        """Return our latest calls to a number; None: no answer."""
        try:
            return await self._rest.calls_to(to_e164)
        except TwilioRestError:
            return None

    async def find_call(self, call_sid: str) -> RestCall | None:
        """Return a call as it stands; None: no answer, or there is no such call."""
        try:
            return await self._rest.call(call_sid)
        except TwilioRestError:
            return None


def _failed(error: TwilioRestError) -> DialOutcome:
    # Twilio's codes name what is wrong with a request; without one it was not reached.
    is_final = error.code not in (None, BUSY_API) or isinstance(error, NumberNotAllowed)
    return DialOutcome(
        unknown=error.unknown_outcome,
        retryable=not (is_final or error.unknown_outcome),
        reason=str(error),
    )
