"""Twilio's REST API: the one place that sends an SMS.

The gate stands here: only numbers on the allow-list of the settings are reached, by exact E.164
equality, and an empty list means nobody.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping

import aiohttp
import orjson
import structlog

from voicecore.errors import TwilioRestError

log = structlog.get_logger()

REQUEST_TIMEOUT_S = 5.0
MAX_TRIES = 3
RETRY_DELAY_S = 0.25
MAX_SMS_CHARS = 1600


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
    ) -> None:
        self._session = session
        self._account_url = f"{api_base.rstrip('/')}/2010-04-01/Accounts/{account_sid}"
        login = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._from_e164 = from_e164
        self._allowed = frozenset(allowed_numbers)

    async def send_sms(self, to_e164: str, body: str) -> str:
        """Send one message; returns its SID.

        Only a 429 is tried again: Twilio has not acted on it. A time-out or a 5xx may have sent
        the message, and the API has no idempotency key.

        Raises:
            NumberNotAllowed: the gate is shut for this number.
            TwilioRestError: refused, or the outcome is unknown.
        """
        if to_e164 not in self._allowed:
            raise NumberNotAllowed
        form = {"To": to_e164, "From": self._from_e164, "Body": body[:MAX_SMS_CHARS]}
        answer = await self._post("Messages.json", form)
        sid = answer.get("sid")
        if not isinstance(sid, str):
            raise TwilioRestError("no sid in the answer", code=None, unknown_outcome=True)
        return sid

    async def hang_up(self, call_sid: str) -> None:
        """End a live call; a call that has already ended is fine.

        Raises:
            TwilioRestError: refused for another reason, or the outcome is unknown.
        """
        try:
            await self._post(f"Calls/{call_sid}.json", {"Status": "completed"})
        except TwilioRestError as error:
            if error.code not in (20404, 21220):
                raise

    async def _post(self, path: str, form: Mapping[str, str]) -> dict[str, object]:
        status, answer = await self._post_once(path, form)
        for attempt in range(1, MAX_TRIES):
            if status != 429:
                break
            await asyncio.sleep(RETRY_DELAY_S * attempt)
            status, answer = await self._post_once(path, form)
        if status < 300:
            return answer
        code = answer.get("code")
        raise TwilioRestError(
            str(answer.get("message", "refused")),
            code=code if isinstance(code, int) else None,
            unknown_outcome=status >= 500,
        )

    async def _post_once(self, path: str, form: Mapping[str, str]) -> tuple[int, dict[str, object]]:
        try:
            async with (
                asyncio.timeout(REQUEST_TIMEOUT_S),
                self._session.post(
                    f"{self._account_url}/{path}",
                    data=dict(form),
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
