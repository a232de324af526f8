"""Access tokens for Google: one request for all who wait, from a refresh token or a key file.

Source: Google Identity, "Using OAuth 2.0 for Web Server Applications" (refreshing an access token)
and "Using OAuth 2.0 for Server to Server Applications".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from aiogoogle.auth.managers import Oauth2Manager, ServiceAccountManager
from aiogoogle.excs import HTTPError
from aiogoogle.models import Request
from google.oauth2 import service_account

from scheduler.calendar_access import CalendarAccess
from scheduler.calendar_trouble import SCOPE, account_problem, no_answer, refusal, unreadable

# aiogoogle says that it is typed, but its annotations refuse what its documentation shows.
_new_oauth2: Any = Oauth2Manager
_new_service_account: Any = ServiceAccountManager
_new_request: Any = Request
_read_key: Any = service_account.Credentials.from_service_account_info

SECRETS_FILE_LIMIT_BYTES = 65536


class _Grant(Protocol):
    """One way to come by an access token; `scopes` is None where Google does not say."""

    scopes: frozenset[str] | None

    async def header(self) -> str:
        """Return an `Authorization` header that is valid for two more minutes."""
        ...

    def forget(self) -> None:
        """Drop the token that is kept."""
        ...


class AccessTokens:
    """Keeps one access token; whoever needs another one waits for the same request.

    The files are read at the first use, not at the start: without them calls go on being booked.
    """

    def __init__(self, access: CalendarAccess, session_factory: Callable[[], Any]) -> None:
        self._access = access
        self._session_factory = session_factory
        self._grant: _Grant | None = None
        self._header = ""
        self._asking = asyncio.Lock()

    @property
    def scopes(self) -> frozenset[str] | None:
        """What the last token may do; None where that is not known."""
        return None if self._grant is None else self._grant.scopes

    async def header(self, rejected: str = "") -> str:
        """Return an `Authorization` header other than `rejected`.

        Raises:
            CalendarError: no token; the advice says what to do.
        """
        async with self._asking:
            if self._grant is None:
                self._grant = await asyncio.to_thread(self._read_keys)
            if rejected and self._header == rejected:
                self._grant.forget()
            try:
                async with asyncio.timeout(self._access.timeout_s):
                    self._header = await self._grant.header()
            except HTTPError as error:
                status = error.res.status_code if error.res is not None else None
                raise refusal(status, error.res.json if error.res is not None else None) from error
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise no_answer(error, "token: ") from error
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise unreadable("token answer") from error
            return self._header

    def _read_keys(self) -> _Grant:
        keys = self._access
        if keys.service_account_file:
            info = _read_json(keys.service_account_file, "GOOGLE_SERVICE_ACCOUNT_FILE")
            _check_key_file(info)
            return _ServiceAccountGrant(info, keys.subject, self._session_factory)
        refresh_token = keys.refresh_token
        if not refresh_token and keys.token_file:
            found = _read_json(keys.token_file, "GOOGLE_TOKEN_FILE").get("refresh_token")
            refresh_token = found if isinstance(found, str) else ""
        if not refresh_token:
            advice = (
                "run `cli.py calendar login`, then set GOOGLE_REFRESH_TOKEN or GOOGLE_TOKEN_FILE"
            )
            raise account_problem("there is no refresh token", advice)
        return _RefreshGrant(keys, refresh_token, self._session_factory)


class _RefreshGrant:
    def __init__(
        self, keys: CalendarAccess, refresh_token: str, session_factory: Callable[[], Any]
    ) -> None:
        self._oauth2 = _new_oauth2(
            session_factory=session_factory,
            client_creds={"client_id": keys.client_id, "client_secret": keys.client_secret},
        )
        # The dictionary is shared by every client of the process, so it is replaced, not changed.
        configs = {**self._oauth2.openid_configs, "token_endpoint": keys.token_url}
        self._oauth2.openid_configs = configs
        self._stale: Any = {"refresh_token": refresh_token, "expires_at": None}
        self._credentials: Any = self._stale
        self.scopes: frozenset[str] | None = None

    async def header(self) -> str:
        current = self._credentials
        if not current.get("expires_at") or self._oauth2.is_expired(current):
            _, current = await self._oauth2.refresh(dict(self._stale))
        header = f"Bearer {current['access_token']}"
        self._credentials = current
        scopes = current.get("scopes") or ()
        self.scopes = frozenset(scopes.split() if isinstance(scopes, str) else scopes)
        return header

    def forget(self) -> None:
        self._credentials = self._stale


class _ServiceAccountGrant:
    def __init__(
        self, info: Mapping[str, Any], subject: str, session_factory: Callable[[], Any]
    ) -> None:
        creds = {**info, "scopes": [SCOPE]}
        if subject:
            creds["subject"] = subject
        self._new_manager: Callable[[], Any] = lambda: _new_service_account(
            session_factory=session_factory, creds=dict(creds)
        )
        self._manager: Any = self._new_manager()
        self.scopes: frozenset[str] | None = None

    async def header(self) -> str:
        await self._manager.refresh()
        request = _new_request(method="GET", url="", headers={})
        return str(self._manager.authorize(request).headers["Authorization"])

    def forget(self) -> None:
        self._manager = self._new_manager()


def _read_json(path: str, setting: str) -> dict[str, Any]:
    try:
        with Path(path).open(encoding="utf-8") as file:
            found = json.loads(file.read(SECRETS_FILE_LIMIT_BYTES))
    except OSError as error:
        advice = f"{setting} names a file that cannot be read ({error.strerror}); check its path"
        raise account_problem("no key file", advice) from error
    except ValueError as error:
        raise account_problem("no key file", f"{setting} names a file that is no JSON") from error
    if not isinstance(found, dict):
        raise account_problem("no key file", f"{setting} names a file without a JSON object")
    return found


def _check_key_file(info: dict[str, Any]) -> None:
    """Refuse a file that is no key file before anything is signed with it."""
    wanted = ("client_email", "private_key", "token_uri")
    missing = [name for name in wanted if not isinstance(info.get(name), str)]
    if info.get("type") != "service_account" or missing:
        advice = (
            "GOOGLE_SERVICE_ACCOUNT_FILE is not the JSON key of a service account; make one in "
            "the Google Cloud console, under the account's keys"
        )
        raise account_problem(f"no key file (lacks {', '.join(missing) or 'its type'})", advice)
    try:
        _read_key(info)
    except ValueError as error:
        advice = (
            "GOOGLE_SERVICE_ACCOUNT_FILE holds a private key that cannot be read; make a new one"
        )
        raise account_problem("no private key", advice) from error
