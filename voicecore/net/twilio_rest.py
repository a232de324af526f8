"""Twilio's REST API: the one place that rings somebody or sends a text message.

The gate stands here: only numbers on the allow-list of the settings are reached, by exact E.164
equality, and an empty list means nobody. `place_call` is the one function that makes a call,
`send_sms` the one that sends a message; a test of the syntax tree holds both.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import aiohttp
import orjson
import structlog

from voicecore.errors import TwilioRestError

log = structlog.get_logger()

REQUEST_TIMEOUT_S = 5.0
MAX_TRIES = 3
RETRY_DELAY_S = 0.25
MAX_SMS_CHARS = 1600
RING_S = 30
"""How long we let it ring: about five times, less than most mailboxes wait."""
CALL_EVENTS = ("initiated", "ringing", "answered", "completed")
NUMBER_URLS = {
    "voice_url": "VoiceUrl",
    "voice_fallback_url": "VoiceFallbackUrl",
    "status_callback": "StatusCallback",
    "sms_url": "SmsUrl",
}
"""What a number can be told, as the API writes it in answers and in forms."""
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""The states that a call never leaves."""
_Form = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestCall:
    """A call as Twilio keeps it; `status` is Twilio's word, `created_at` None while unknown."""

    call_sid: str
    status: str
    created_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, for whatever reason."""
        return self.status in OVER


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSetup:
    """What one of our numbers does with calls and texts; each value is an address, or empty."""

    number_sid: str
    urls: Mapping[str, str]


class NumberNotAllowed(TwilioRestError):
    """The number is not on the allow-list; nothing was sent."""

    def __init__(self) -> None:
        super().__init__("number is not on the allow-list", code=None, unknown_outcome=False)


class TwilioRest:
    """A thin client of the calls we use; one per process."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        api_base: str,
        account_sid: str,
        auth_token: str,
        from_e164: str,
        allowed_numbers: tuple[str, ...],
        public_base_url: str = "",
    ) -> None:
        self._session = session
        self._account_url = f"{api_base.rstrip('/')}/2010-04-01/Accounts/{account_sid}"
        login = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._from_e164 = from_e164
        self._allowed = frozenset(allowed_numbers)
        self._public = public_base_url.rstrip("/")

    def admits(self, to_e164: str) -> bool:
        """Say whether the gate is open for this number: it is on the list, to the letter."""
        return to_e164 in self._allowed

    async def place_call(
        self, to_e164: str, path: str, *, longest_s: int, detects_machine: bool = True
    ) -> str:
        """Ring somebody; returns the call's SID.

        Once it is answered, Twilio asks `path` (with its query) at our public address what to do;
        it tells `/call-status` how the call goes on, and `/amd` who has answered. Only a 429 is
        tried again, as with `send_sms`: after anything else that is unknown, look the call up.

        Raises:
            NumberNotAllowed: the gate is shut for this number.
            TwilioRestError: refused, or the outcome is unknown.
        """
        self._check_gate(to_e164)
        form = [
            ("To", to_e164),
            ("From", self._from_e164),
            ("Url", f"{self._public}{path}"),
            ("FallbackUrl", f"{self._public}/call-error"),
            ("StatusCallback", f"{self._public}/call-status"),
            *(("StatusCallbackEvent", event) for event in CALL_EVENTS),
            ("Timeout", str(RING_S)),
            ("TimeLimit", str(longest_s)),
        ]
        if detects_machine:
            form += [
                ("MachineDetection", "DetectMessageEnd"),
                ("AsyncAmd", "true"),
                ("AsyncAmdStatusCallback", f"{self._public}/amd"),
            ]
        return _sid(await self._post("Calls.json", form))

    async def send_sms(self, to_e164: str, body: str) -> str:
        """Send one message; returns its SID.

        Only a 429 is tried again: Twilio has not acted on it. A time-out or a 5xx may have sent
        the message, and the API has no idempotency key.

        Raises:
            NumberNotAllowed: the gate is shut for this number.
            TwilioRestError: refused, or the outcome is unknown.
        """
        self._check_gate(to_e164)
        form = [("To", to_e164), ("From", self._from_e164), ("Body", body[:MAX_SMS_CHARS])]
        if self._public:
            form.append(("StatusCallback", f"{self._public}/sms-status"))
        return _sid(await self._post("Messages.json", form))

    async def calls_to(self, to_e164: str) -> tuple[RestCall, ...]:
        """Return our calls to a number, the newest first; at most fifty.

        Raises:
            TwilioRestError: refused, or no answer.
        """
        query = urlencode({"To": to_e164, "From": self._from_e164, "PageSize": "50"})
        answer = await self._ask("GET", f"Calls.json?{query}", ())
        found = answer.get("calls")
        if not isinstance(found, list):
            raise TwilioRestError("no list of calls", code=None, unknown_outcome=False)
        return tuple(_call(entry) for entry in found if isinstance(entry, dict))

    async def texts_to(self, to_e164: str) -> dict[str, str]:
        """Return the words of our messages to a number by SID, the newest first; at most fifty.

        Raises:
            TwilioRestError: refused, or no answer.
        """
        query = urlencode({"To": to_e164, "From": self._from_e164, "PageSize": "50"})
        answer = await self._ask("GET", f"Messages.json?{query}", ())
        found = answer.get("messages")
        if not isinstance(found, list):
            raise TwilioRestError("no list of messages", code=None, unknown_outcome=False)
        entries = [entry for entry in found if isinstance(entry, dict)]
        return {str(entry.get("sid")): str(entry.get("body")) for entry in entries}

    async def call(self, call_sid: str) -> RestCall:
        """Return a call as it stands.

        Raises:
            TwilioRestError: refused, no answer, or (code 20404) there is no such call.
        """
        return _call(await self._ask("GET", f"Calls/{call_sid}.json", ()))

    async def number_setup(self) -> NumberSetup | None:
        """Return how our number is set up; None: it is not a number of this account.

        Raises:
            TwilioRestError: refused, or no answer.
        """
        query = urlencode({"PhoneNumber": self._from_e164})
        answer = await self._ask("GET", f"IncomingPhoneNumbers.json?{query}", ())
        found = answer.get("incoming_phone_numbers")
        for entry in found if isinstance(found, list) else ():
            if isinstance(entry, dict) and entry.get("phone_number") == self._from_e164:
                urls = {name: str(entry.get(name) or "") for name in NUMBER_URLS}
                return NumberSetup(number_sid=str(entry.get("sid", "")), urls=urls)
        return None

    async def set_number_up(self, number_sid: str, urls: Mapping[str, str]) -> None:
        """Let our number use these addresses; the names are those of `NumberSetup.urls`.

        Raises:
            TwilioRestError: refused, or the outcome is unknown.
        """
        form = [(NUMBER_URLS[name], url) for name, url in urls.items()]
        await self._post(f"IncomingPhoneNumbers/{number_sid}.json", form)

    async def redirect(self, call_sid: str, twiml: str) -> None:
        """Let a live call leave what is running and go on with another document.

        Raises:
            TwilioRestError: refused, or the outcome is unknown.
        """
        await self._post(f"Calls/{call_sid}.json", [("Twiml", twiml)])

    async def hang_up(self, call_sid: str) -> None:
        """End a live call; a call that has already ended is fine.

        Raises:
            TwilioRestError: refused for another reason, or the outcome is unknown.
        """
        try:
            await self._post(f"Calls/{call_sid}.json", [("Status", "completed")])
        except TwilioRestError as error:
            if error.code not in (20404, 21220):
                raise

    def _check_gate(self, to_e164: str) -> None:
        if not self.admits(to_e164):
            raise NumberNotAllowed

    async def _post(self, path: str, form: _Form) -> dict[str, object]:
        return await self._ask("POST", path, form)

    async def _ask(self, method: str, path: str, form: _Form) -> dict[str, object]:
        status, answer = await self._ask_once(method, path, form)
        for attempt in range(1, MAX_TRIES):
            if status != 429:
                break
            await asyncio.sleep(RETRY_DELAY_S * attempt)
            status, answer = await self._ask_once(method, path, form)
        if status < 300:
            return answer
        code = answer.get("code")
        raise TwilioRestError(
            str(answer.get("message", "refused")),
            code=code if isinstance(code, int) else None,
            unknown_outcome=status >= 500,
        )

    async def _ask_once(self, method: str, path: str, form: _Form) -> tuple[int, dict[str, object]]:
        try:
            async with (
                asyncio.timeout(REQUEST_TIMEOUT_S),
                self._session.request(
                    method,
                    f"{self._account_url}/{path}",
                    data=list(form) or None,
                    headers=self._headers,
                    allow_redirects=False,
                ) as response,
            ):
                raw = await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TwilioRestError(
                type(error).__name__,
                code=None,
                unknown_outcome=not isinstance(error, aiohttp.ClientConnectorError),
            ) from error
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            answer = {}
        return status, answer if isinstance(answer, dict) else {}


def _sid(answer: Mapping[str, object]) -> str:
    sid = answer.get("sid")
    if not isinstance(sid, str):
        raise TwilioRestError("no sid in the answer", code=None, unknown_outcome=True)
    return sid


def _call(entry: Mapping[str, object]) -> RestCall:
    created_at: datetime | None
    try:
        created_at = parsedate_to_datetime(str(entry.get("date_created"))).astimezone(UTC)
    except ValueError:
        created_at = None
    return RestCall(
        call_sid=str(entry.get("sid", "")),
        status=str(entry.get("status", "")),
        created_at=created_at,
    )
