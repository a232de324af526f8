"""What Twilio tells about calls and messages besides the sound, and who wants to know it.

The webhooks turn Twilio's forms into these values; whoever keeps the records satisfies
`PhoneEvents`, and `cli.py` joins the two. Twilio repeats itself and does not keep the order, so
every method may be called again, and in any order, to the same effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from voicecore.call_info import CallInfo
from voicecore.dialog.reminder import Reminder


@dataclass(frozen=True, slots=True, kw_only=True)
class CallProgress:
    """One step of a call: `status` is Twilio's `CallStatus`, `sequence` counts a call's reports.

    `sequence` is None where Twilio gives none; empty texts and None: not told. `duration_s` comes
    with the end.
    """

    call_sid: str
    status: str
    at: datetime
    sequence: int | None = None
    direction: str = "inbound"
    from_e164: str | None = None
    to_e164: str | None = None
    duration_s: int | None = None
    answered_by: str = ""
    sip_code: str = ""
    error_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredBy:
    """Who picked up a call of ours: Twilio's `AnsweredBy`, such as "human"."""

    call_sid: str
    verdict: str
    after_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamProgress:
    """One step of a media stream: Twilio's `StreamEvent`, and what went wrong."""

    call_sid: str
    stream_sid: str
    event: str
    at: datetime
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageProgress:
    """One step of a text message of ours: Twilio's `MessageStatus`."""

    message_sid: str
    status: str
    error_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """A text message to us; `opt_out_type` is STOP, START or HELP where Twilio recognised one."""

    message_sid: str
    from_e164: str
    to_e164: str
    body: str
    opt_out_type: str = ""


class PhoneEvents(Protocol):
    """Whoever keeps the records; False and None: there is no such call or message."""

    async def call_arrived(self, call: CallInfo) -> None:
        """Take down a call that is about to get its media stream, or was refused one."""
        ...

    async def knows_call(self, call_sid: str) -> bool:
        """Tell whether this call was ever taken down."""
        ...

    async def call_status(self, progress: CallProgress) -> bool:
        """Take down how far a call is."""
        ...

    async def answered_by(self, answer: AnsweredBy) -> bool:
        """Take down who picked up."""
        ...

    async def stream_status(self, progress: StreamProgress) -> bool:
        """Take down how far a media stream is."""
        ...

    async def message_status(self, progress: MessageProgress) -> bool:
        """Take down what became of a message of ours."""
        ...

    async def message_in(self, message: IncomingMessage) -> str:
        """Take down a message to us; return what is texted back, empty: nothing."""
        ...

    async def outbound_call(self, call_sid: str, attempt: int) -> Reminder | None:
        """Return why we placed this call."""
        ...
