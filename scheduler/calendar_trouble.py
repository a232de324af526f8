"""What a refusal of Google means: whether to wait, to ask again, or to tell an engineer what to do.

Source: Google Calendar API v3, "Handle API errors"; Google Identity, "Using OAuth 2.0 for Web
Server Applications" and "Using OAuth 2.0 for Server to Server Applications".
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from scheduler.errors import CalendarError

SCOPE = "https://www.googleapis.com/auth/calendar"

# 403 says both "slow down" and "never"; the reason tells which.
RATE_LIMIT_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})
UNAVAILABLE_STATUSES = frozenset({408, 425, 500, 502, 503, 504})
RETRY_AFTER_LIMIT_S = 120.0
ADVICE = {
    "invalid_grant": "the refresh token was revoked or has expired; consent again with "
    "`cli.py calendar login` and set GOOGLE_REFRESH_TOKEN or GOOGLE_TOKEN_FILE; with a service "
    "account make a new key for GOOGLE_SERVICE_ACCOUNT_FILE, and check this machine's clock",
    "invalid_client": "check GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET",
    "unauthorized_client": "the refresh token belongs to another client; check GOOGLE_CLIENT_ID. "
    "A service account may act for GOOGLE_SERVICE_ACCOUNT_SUBJECT only after the domain's admin "
    f"has granted it the scope {SCOPE}",
    "invalid_scope": f"the account may not have the scope {SCOPE}; enable the Calendar API",
    "insufficientPermissions": f"the token lacks the scope {SCOPE}; consent again with "
    "`cli.py calendar login`",
    "accessNotConfigured": "enable the Google Calendar API in the project of the account",
    "forbidden": "give the account the right to make changes to the calendar",
    "requiredAccessLevel": "give the account the right to make changes to the calendar",
    "notFound": "check GOOGLE_CALENDAR_ID and share that calendar with the account",
    "authError": "Google does not accept the access token; consent again with "
    "`cli.py calendar login`",
    "forbiddenForServiceAccounts": "a service account invites customers only for a person: set "
    "GOOGLE_SERVICE_ACCOUNT_SUBJECT, or turn GOOGLE_INVITE_CUSTOMERS off",
    "unknownZone": "Google does not know the zone of the shop; set SHOP_TIMEZONE to a name such as "
    "America/Chicago",
}
REFUSED_ADVICE = (
    "Google will not take this event as it is; `cli.py jobs list` names the appointment, and "
    "`cli.py jobs replay` tries again once that is mended"
)


class Trouble(StrEnum):
    """What kind of trouble an error is, by what helps."""

    THROTTLED = "throttled"
    """Too many requests: wait."""
    UNAVAILABLE = "unavailable"
    """No answer, or none that says anything: ask again."""
    ACCOUNT = "account"
    """Nothing works until somebody mends a setting or a right."""
    CONFLICT = "conflict"
    """Somebody was faster: look again."""
    REFUSED = "refused"
    """This one request will never work."""


class GoogleRefusal(CalendarError):
    """A `CalendarError` that knows its kind; `retry_after_s` is how long Google asks us to wait."""

    def __init__(
        self,
        reason: str,
        *,
        trouble: Trouble,
        status: int | None = None,
        advice: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        retryable = trouble in (Trouble.THROTTLED, Trouble.UNAVAILABLE, Trouble.CONFLICT)
        super().__init__(reason, retryable=retryable, status=status, advice=advice)
        self.trouble = trouble
        self.retry_after_s = retry_after_s


def trouble_of(error: CalendarError) -> Trouble:
    """Return the kind of any calendar error."""
    if isinstance(error, GoogleRefusal):
        return error.trouble
    return Trouble.CONFLICT if error.retryable else Trouble.REFUSED


def no_answer(error: BaseException, what: str = "") -> GoogleRefusal:
    """Return the error for a request that was not answered."""
    return GoogleRefusal(f"{what}{type(error).__name__}", trouble=Trouble.UNAVAILABLE)


def unreadable(what: str, status: int | None = None) -> GoogleRefusal:
    """Return the error for an answer that makes no sense."""
    return GoogleRefusal(f"an unreadable {what}", trouble=Trouble.UNAVAILABLE, status=status)


def account_problem(reason: str, advice: str) -> GoogleRefusal:
    """Return the error for something that an engineer has to mend."""
    return GoogleRefusal(reason, trouble=Trouble.ACCOUNT, advice=advice)


def refusal(
    status: int | None, body: object, headers: Mapping[str, str] | None = None
) -> GoogleRefusal:
    """Return the error for an answer of the API or of the token endpoint."""
    reason, message = _words_in(body)
    if status == 400 and "time zone" in message.lower():
        reason = "unknownZone"
    trouble = _kind(status, reason)
    advice = ADVICE.get(reason, "")
    if status == 400 and trouble is Trouble.REFUSED:
        # Only of a 400 the words help: they name the field.
        reason, advice = f"{reason}: {message}", REFUSED_ADVICE
    return GoogleRefusal(
        reason,
        trouble=trouble,
        status=status,
        advice=advice,
        retry_after_s=_seconds((headers or {}).get("Retry-After")),
    )


def _kind(status: int | None, reason: str) -> Trouble:
    if reason in RATE_LIMIT_REASONS or status == 429:
        return Trouble.THROTTLED
    if status is None or status in UNAVAILABLE_STATUSES:
        return Trouble.UNAVAILABLE
    if status == 412:
        return Trouble.CONFLICT
    if reason in ADVICE or status in (401, 403):
        return Trouble.ACCOUNT
    return Trouble.REFUSED


def _words_in(body: object) -> tuple[str, str]:
    """Return Google's word for the error and its message."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str) and isinstance(body, dict):
        return error, str(body.get("error_description", ""))
    if isinstance(error, dict):
        message = str(error.get("message", ""))
        details = error.get("errors")
        if isinstance(details, list) and details and isinstance(details[0], dict):
            return str(details[0].get("reason", "unknown")), message
        return str(error.get("status", "unknown")), message
    return "unknown", ""


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After in seconds; a date or rubbish counts as none."""
    if text is None or not text.strip().isdecimal():
        return None
    return min(float(text), RETRY_AFTER_LIMIT_S)
