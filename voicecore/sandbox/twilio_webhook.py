"""Twilio's HTTP requests to the server: signed over the public address, sent to loopback.

A sandbox never leaves the machine: an address without a route is a connection error.

Source: Twilio, Voice request parameters; Webhooks security; error 11205 (time limits).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from voicecore.sandbox.twilio_faults import Signing
from voicecore.sandbox.twilio_signature import sign
from voicecore.sandbox.twilio_twiml import HTTP_RETRIEVAL

ANSWER_S = 15.0
"""The longest that a webhook's whole answer may take."""
CONNECTION = 11205

_SCHEME_OF = {"https": "http", "http": "http", "wss": "ws", "ws": "ws"}
_PUBLIC_SCHEME_OF = {"wss": "https", "ws": "http"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """One request of Twilio and its answer; `status` None: there was none."""

    method: str
    url: str
    params: Mapping[str, str]
    status: int | None
    content_type: str
    body: bytes
    took_ms: float


class WebhookError(Exception):
    """A webhook that did not give a usable answer; `code` as in Twilio's debugger."""

    def __init__(self, code: int, reason: str, url: str) -> None:
        super().__init__(code, reason, url)
        self.code = code
        self.reason = reason
        self.url = url

    def __str__(self) -> str:
        return f"{self.code}: {self.reason} ({self.url})"


class Routes:
    """Which loopback server stands behind which public address."""

    def __init__(self, routes: Mapping[str, str] | None = None) -> None:
        self._routes = dict(routes or {})

    def add(self, public_url: str, local_url: str) -> None:
        """Send what is meant for `public_url` (scheme and host) to `local_url` from now on."""
        self._routes[_origin(public_url)] = _origin(local_url)

    def copy(self) -> Routes:
        """Return routes that can be changed on their own."""
        return Routes(self._routes)

    def local(self, url: str) -> URL | None:
        """Return the loopback address for a public one, `ws` for `wss`; None: no route."""
        parts = urlsplit(url)
        origin = self._routes.get(_origin(url))
        if origin is None:
            return None
        host = urlsplit(origin).netloc
        path = parts.path or "/"
        query = f"?{parts.query}" if parts.query else ""
        return URL(f"{_SCHEME_OF[parts.scheme]}://{host}{path}{query}", encoded=True)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    scheme = _PUBLIC_SCHEME_OF.get(parts.scheme, parts.scheme)
    return f"{scheme}://{parts.netloc}"


class WebhookClient:
    """Sends Twilio's requests; keeps a log of them in `requests`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        auth_token: str,
        routes: Routes,
        signing: Signing = Signing.RIGHT,
        answer_s: float = ANSWER_S,
    ) -> None:
        self.routes = routes
        self.requests: list[WebhookRequest] = []
        self._session = session
        self._auth_token = auth_token
        self._signing = signing
        self._answer_s = answer_s

    def signature_headers(
        self, name: str, url: str, params: Mapping[str, str] | None, signing: Signing
    ) -> dict[str, str]:
        """Return the header `name` with the signature of a request, as far as there is one."""
        if signing is Signing.MISSING:
            return {}
        token = self._auth_token if signing is Signing.RIGHT else f"not {self._auth_token}"
        return {name: sign(token, url, params)}

    async def request(self, method: str, url: str, params: Mapping[str, str]) -> WebhookRequest:
        """Ask the server and return its answer, whatever its body says.

        Raises:
            WebhookError: no route, no connection, no answer in time, or a status of 300 and more.
        """
        if method == "GET":
            separator = "&" if urlsplit(url).query else "?"
            url = f"{url}{separator}{urlencode(params)}"
        form = dict(params) if method == "POST" else None
        headers = self.signature_headers("X-Twilio-Signature", url, form, self._signing)
        headers |= {"User-Agent": "TwilioProxy/1.1", "Accept": "*/*"}
        started_s = time.monotonic()
        status: int | None = None
        content_type, body = "", b""
        try:
            address = self.routes.local(url)
            if address is None:
                raise WebhookError(CONNECTION, "no route to the host", url)
            status, content_type, body = await self._send(method, address, form, headers)
        except TimeoutError as error:
            raise WebhookError(CONNECTION, "no answer in time", url) from error
        except (aiohttp.ClientError, OSError) as error:
            raise WebhookError(CONNECTION, type(error).__name__, url) from error
        finally:
            took_ms = (time.monotonic() - started_s) * 1000
            answer = WebhookRequest(
                method=method,
                url=url,
                params=dict(params),
                status=status,
                content_type=content_type,
                body=body,
                took_ms=took_ms,
            )
            self.requests.append(answer)
        if answer.status is None or answer.status >= 300:
            raise WebhookError(HTTP_RETRIEVAL, f"status {answer.status}", url)
        return answer

    async def _send(
        self, method: str, address: URL, form: dict[str, str] | None, headers: dict[str, str]
    ) -> tuple[int, str, bytes]:
        async with (
            asyncio.timeout(self._answer_s),
            self._session.request(
                method, address, data=form, headers=headers, allow_redirects=False
            ) as response,
        ):
            body = await response.read()
            return response.status, response.headers.get("Content-Type", ""), body
