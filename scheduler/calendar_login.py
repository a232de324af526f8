"""The consent flow by hand: a page in the browser, an answer on loopback, a token in a file.

Source: Google Identity, "OAuth 2.0 for iOS & Desktop Apps" (loopback IP address, PKCE); RFC 8252,
RFC 7636.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from scheduler.calendar_trouble import SCOPE
from scheduler.errors import SchedulerError

CONSENT_WAIT_S = 600.0
EXCHANGE_TIMEOUT_S = 15.0
THANKS = "The calendar may be used now. You can close this window."
TRY_AGAIN = "run `cli.py calendar login` again"


class LoginError(SchedulerError):
    """The consent flow ended without a token; the text says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"no token: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """An OAuth client of the type "Desktop app", and Google's two addresses."""

    client_id: str
    client_secret: str = field(repr=False)
    auth_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: str = "https://oauth2.googleapis.com/token"


@dataclass(frozen=True, slots=True)
class CalendarToken:
    """What the consent is worth; it stays valid until it is revoked."""

    refresh_token: str = field(repr=False)
    scope: str


async def log_in(
    client: OAuthClient,
    *,
    announce: Callable[[str], None],
    wait_s: float = CONSENT_WAIT_S,
) -> CalendarToken:
    """Have somebody consent in a browser on this machine; return the token.

    `announce` gets the address that they have to open.

    Raises:
        LoginError: nobody consented, or Google gave no token that is of use.
    """
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(64)
    async with _listening(state) as (redirect_uri, answer):
        announce(_consent_address(client, redirect_uri, state, verifier))
        try:
            async with asyncio.timeout(wait_s):
                code = await answer
        except TimeoutError as error:
            raise LoginError(f"nobody consented within {wait_s:.0f} s; {TRY_AGAIN}") from error
    return _read_token(await _exchange(client, code, redirect_uri, verifier))


def write_token(path: Path, token: CalendarToken) -> None:
    """Write the token where only this user can read it; an older file is replaced as a whole.

    Raises:
        LoginError: the file cannot be written.
    """
    text = json.dumps(
        {
            "refresh_token": token.refresh_token,
            "scope": token.scope,
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        indent=1,
    )
    try:
        # mkstemp makes it readable by its owner only, before there is anything to read.
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LoginError(f"cannot write the token file ({error.strerror})") from error


@asynccontextmanager
async def _listening(state: str) -> AsyncIterator[tuple[str, asyncio.Future[str]]]:
    """Wait on a free port for the browser to come back; give its address and the code to be."""
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def come_back(request: web.Request) -> web.Response:
        query = request.query
        if not secrets.compare_digest(query.get("state", "").encode(), state.encode()):
            # A stray or forged request; the right one can still come.
            return web.Response(status=400, text="This answer belongs to no login that waits.")
        if answer.done():
            return web.Response(text="This login is over.")
        if "code" in query:
            answer.set_result(query["code"])
            return web.Response(text=THANKS)
        reason = query.get("error", "no code")
        answer.set_exception(LoginError(f"Google answered {reason}; {TRY_AGAIN}"))
        return web.Response(text=f"No consent: {reason}.")

    app = web.Application()
    app.router.add_get("/", come_back)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", answer
    finally:
        await runner.cleanup()
        answer.cancel()


def _consent_address(client: OAuthClient, redirect_uri: str, state: str, verifier: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    query = {
        "client_id": client.client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": SCOPE,
        "state": state,
        "code_challenge": challenge.decode().rstrip("="),
        "code_challenge_method": "S256",
        # Without these two Google gives a refresh token only the first time.
        "access_type": "offline",
        "prompt": "consent",
    }
    return f"{client.auth_url}?{urlencode(query)}"


async def _exchange(
    client: OAuthClient, code: str, redirect_uri: str, verifier: str
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    timeout = aiohttp.ClientTimeout(total=EXCHANGE_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(client.token_url, data=form, allow_redirects=False) as response,
        ):
            found = await response.json(content_type=None)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise LoginError(f"the token endpoint: {type(error).__name__}; {TRY_AGAIN}") from error
    if not isinstance(found, dict):
        raise LoginError(f"the token endpoint gave no object; {TRY_AGAIN}")
    return found


def _read_token(found: dict[str, Any]) -> CalendarToken:
    if found.get("error") == "invalid_client":
        raise LoginError("invalid_client; check GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET")
    if "error" in found:
        raise LoginError(f"Google answered {found['error']}; {TRY_AGAIN}")
    refresh_token, scope = found.get("refresh_token"), str(found.get("scope", ""))
    if SCOPE not in scope.split():
        raise LoginError(f"consent was given without the scope {SCOPE}; {TRY_AGAIN} and tick it")
    if not isinstance(refresh_token, str) or not refresh_token:
        raise LoginError(
            "Google gave no refresh token; take away the app's access in the Google account, then "
            + TRY_AGAIN
        )
    return CalendarToken(refresh_token, scope)
