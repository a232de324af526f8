"""TwiML in Twilio's own voice, for the moments in which the agent is not on the line."""

from __future__ import annotations

from urllib.parse import quote

from voicecore.net.server_parts import ServerParts
from voicecore.wire import twiml

BUSY_TEXT = "I'm sorry, all our lines are busy right now."
CUT_OFF_TEXT = "I'm sorry, we have a technical problem on our side."
TRANSFER_TEXT = "One moment, I'm putting you through to a colleague."
NOBODY_TEXT = "I'm sorry, nobody is free to take your call. Please try again later. Goodbye."
CALL_AGAIN_TEXT = "Please call again in a few minutes. Goodbye."
WHISPER_TEXT = "A caller from the phone agent."

WHISPER_PATH = "/transfer-whisper"
RESULT_PATH = "/transfer-result"


def apology(parts: ServerParts, text: str) -> str:
    """Say why the agent cannot talk, and put the caller through where there is a person."""
    if not parts.transfer_number:
        return twiml.say(text, then=(twiml.Say(CALL_AGAIN_TEXT), twiml.Hangup()))
    return twiml.dial(
        parts.transfer_number,
        timeout_s=parts.transfer_ring_s,
        announcement=f"{text} {TRANSFER_TEXT}",
        then=(twiml.Say(NOBODY_TEXT), twiml.Hangup()),
    )


def transfer(parts: ServerParts, call_sid: str) -> str:
    """Put the caller through; whoever picks up hears a summary first.

    The agent takes the caller back when nobody does.
    """
    if not parts.transfer_number:
        return nobody()
    return twiml.dial(
        parts.transfer_number,
        action=f"{parts.public_base_url}{RESULT_PATH}",
        timeout_s=parts.transfer_ring_s,
        whisper_url=f"{parts.public_base_url}{WHISPER_PATH}?call={quote(call_sid)}",
        announcement=TRANSFER_TEXT,
    )


def whisper(summary: str) -> str:
    """Tell whoever picked up what the call is about; then the two are connected."""
    return twiml.say(summary or WHISPER_TEXT, then=())


def nobody() -> str:
    """Say that nobody is there, and hang up."""
    return twiml.say(NOBODY_TEXT)
