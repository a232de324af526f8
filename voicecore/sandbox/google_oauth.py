"""Google's consent page and token endpoint on loopback: three grants, one table of tokens.

Source: Google Identity, "OAuth 2.0 for iOS & Desktop Apps" (loopback redirect, PKCE) and "Using
OAuth 2.0 for Server to Server Applications" (JWT bearer); RFC 6749, RFC 7523, RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from voicecore.sandbox.google_events import GoogleFault

FULL_SCOPE = "https://www.googleapis.com/auth/calendar"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_LIFETIME_LIMIT = timedelta(hours=1)
CLOCK_TOLERANCE = timedelta(minutes=5)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token stands for; `account` is None for the person who consented."""

    scope: str
    expires_at: datetime
    account: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class _Code:
    redirect_uri: str
    challenge: str
    scope: str
    is_offline: bool


class _Refusal(Exception):
    """An OAuth2 error (RFC 6749 section 5.2)."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description


class OAuthDesk:
    """Gives out tokens; `client_id`, `client_secret` and `refresh_token` are what it accepts.

    `delegated` holds the people for whom the service account may act, and `scope` what every
    token of the refresh grant can do.
    """

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.refresh_token = refresh_token
        self.scope = FULL_SCOPE
        self.expires_in_s = 3599
        self.requests = 0
        self.delegated: set[str] = set()
        self.service_account = "calendar@sandbox-project.iam.gserviceaccount.com"
        self._clock = clock
        self._refresh_tokens = {refresh_token}
        self._codes: dict[str, _Code] = {}
        self._grants: dict[str, Grant] = {}

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def service_account_info(self, token_uri: str) -> dict[str, str]:
        """Return the content of a JSON key file of the service account."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "type": "service_account",
            "project_id": "sandbox-project",
            "private_key_id": "sandbox-key",
            "private_key": pem.decode(),
            "client_email": self.service_account,
            "client_id": "100000000000000000000",
            "token_uri": token_uri,
        }

    def revoke(self) -> None:
        """Make every refresh and access token worthless."""
        self._refresh_tokens.clear()
        self._grants.clear()

    def expire_access_tokens(self) -> None:
        """Make every access token given out so far invalid."""
        self._grants.clear()

    def authorize(self, header: str, allowed: frozenset[str]) -> Grant:
        """Return what a bearer token stands for.

        Raises:
            GoogleFault: 401 without a valid token, 403 without one of the `allowed` scopes.
        """
        kind, _, token = header.partition(" ")
        where = ("header", "Authorization")
        if kind != "Bearer" or not token:
            raise GoogleFault(401, "required", "Login Required.", location=where)
        grant = self._grants.get(token)
        if grant is None or grant.expires_at <= self._clock():
            raise GoogleFault(401, "authError", "Invalid Credentials", location=where)
        scope = grant.scope if grant.account else self.scope
        if allowed.isdisjoint(scope.split()):
            raise GoogleFault(403, "insufficientPermissions", "Insufficient Permission")
        return grant

    # --- the consent page --------------------------------------------------------------------

    async def consent_page(self, request: web.Request) -> web.Response:
        """Show who asks for what, with a button for yes and one for no."""
        problem = self._problem_of(request.query)
        if problem:
            return web.Response(status=400, text=f"Error 400: {problem}")
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in request.query.items()
        )
        page = (
            "<!doctype html><title>Stand-in for Google</title>"
            f"<p>{html.escape(self.client_id)} wants to use your calendar:"
            f" {html.escape(request.query.get('scope', ''))}</p>"
            f'<form method="post">{hidden}'
            '<button name="decision" value="allow">Allow</button>'
            '<button name="decision" value="deny">Deny</button></form>'
        )
        return web.Response(text=page, content_type="text/html")

    async def decide(self, request: web.Request) -> web.Response:
        """Send the browser back with a code, or with `access_denied`."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        problem = self._problem_of(form)
        if problem:
            return web.Response(status=400, text=f"Error 400: {problem}")
        answer = {"state": form["state"]} if "state" in form else {}
        if form.get("decision") == "allow":
            code = "4/" + secrets.token_urlsafe(24)
            self._codes[code] = _Code(
                form["redirect_uri"],
                form.get("code_challenge", ""),
                form["scope"],
                form.get("access_type") == "offline",
            )
            answer |= {"code": code, "scope": form["scope"]}
        else:
            answer["error"] = "access_denied"
        location = f"{form['redirect_uri']}?{urlencode(answer)}"
        return web.Response(status=302, headers={"Location": location})

    def _problem_of(self, query: Mapping[str, str]) -> str:
        """Return what is wrong with an authorization request; empty: nothing."""
        target = urlsplit(query.get("redirect_uri", ""))
        if query.get("client_id") != self.client_id:
            return "invalid_client"
        if target.scheme != "http" or target.hostname not in LOOPBACK or target.query:
            return "redirect_uri_mismatch"
        if query.get("response_type") != "code" or not query.get("scope"):
            return "invalid_request"
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            return "invalid_request: only S256 here"
        return ""

    # --- the token endpoint ------------------------------------------------------------------

    async def token(self, request: web.Request) -> web.Response:
        """Answer one token request."""
        self.requests += 1
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            return web.json_response(self._granted(form))
        except _Refusal as refusal:
            body = {"error": refusal.error, "error_description": refusal.description}
            return web.json_response(body, status=refusal.status)

    def _granted(self, form: Mapping[str, str]) -> dict[str, Any]:
        kind = form.get("grant_type")
        if kind == JWT_BEARER:
            return self._issue(self._read_assertion(form.get("assertion", "")))
        if (form.get("client_id"), form.get("client_secret")) != (
            self.client_id,
            self.client_secret,
        ):
            raise _Refusal(401, "invalid_client", "The OAuth client was not found.")
        if kind == "authorization_code":
            return self._redeem(form)
        if kind != "refresh_token":
            raise _Refusal(400, "unsupported_grant_type", "Invalid grant_type")
        if form.get("refresh_token") not in self._refresh_tokens:
            raise _Refusal(400, "invalid_grant", "Token has been expired or revoked.")
        return self._issue(Grant(self.scope, self._expiry()))

    def _redeem(self, form: Mapping[str, str]) -> dict[str, Any]:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None:
            raise _Refusal(400, "invalid_grant", "Malformed auth code.")
        if code.redirect_uri != form.get("redirect_uri"):
            raise _Refusal(400, "redirect_uri_mismatch", "Bad Request")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if code.challenge and code.challenge != _base64url(digest):
            raise _Refusal(400, "invalid_grant", "Invalid code verifier.")
        self.scope = code.scope
        answer = self._issue(Grant(code.scope, self._expiry()))
        if code.is_offline:
            answer["refresh_token"] = "1//" + secrets.token_urlsafe(24)
            self._refresh_tokens.add(answer["refresh_token"])
        return answer

    def _read_assertion(self, assertion: str) -> Grant:
        """Check a signed JWT and return what it asks for (RFC 7523)."""
        try:
            signed, _, signature = assertion.rpartition(".")
            header, claims = (json.loads(_unbase64url(part)) for part in signed.split("."))
            issued_at = datetime.fromtimestamp(claims["iat"], UTC)
            expires_at = datetime.fromtimestamp(claims["exp"], UTC)
            audience, issuer = claims["aud"], claims["iss"]
            scope, subject = claims.get("scope", ""), claims.get("sub")
            is_rs256 = header["alg"] == "RS256"
        except (KeyError, TypeError, ValueError) as error:
            raise _Refusal(400, "invalid_request", "Bad Request") from error
        try:
            self._key.public_key().verify(
                _unbase64url(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature as error:
            raise _Refusal(400, "invalid_grant", "Invalid JWT Signature.") from error
        if not is_rs256 or issuer != self.service_account:
            raise _Refusal(400, "invalid_grant", "Invalid grant: account not found")
        now = self._clock()
        is_timely = issued_at - CLOCK_TOLERANCE <= now <= expires_at + CLOCK_TOLERANCE
        if not is_timely or expires_at - issued_at > JWT_LIFETIME_LIMIT:
            raise _Refusal(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token")
        if not str(audience).endswith("/token") or not scope:
            raise _Refusal(400, "invalid_scope", "Invalid OAuth scope or ID token audience.")
        if subject not in (None, self.service_account) and subject not in self.delegated:
            message = "Client is unauthorized to retrieve access tokens using this method"
            raise _Refusal(401, "unauthorized_client", message)
        return Grant(scope, self._expiry(), self.service_account, subject)

    def _expiry(self) -> datetime:
        return self._clock() + timedelta(seconds=self.expires_in_s)

    def _issue(self, grant: Grant) -> dict[str, Any]:
        token = "ya29." + secrets.token_urlsafe(24)
        self._grants[token] = grant
        answer = {"access_token": token, "expires_in": self.expires_in_s, "token_type": "Bearer"}
        # The answer to a JWT names no scope.
        return answer if grant.account else {**answer, "scope": grant.scope}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
