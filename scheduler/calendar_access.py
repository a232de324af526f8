"""Which calendar, and the keys to it."""

from __future__ import annotations

from dataclasses import dataclass, field

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarAccess:
    """A calendar and who we are to Google: an OAuth client with a token, or a service account.

    `token_file` is what `cli.py calendar login` wrote, used where `refresh_token` is empty. A key
    file (`service_account_file`) replaces client and token, and names its own token endpoint;
    `subject` is the person it acts for. `api_root` ends with a slash.
    """

    calendar_id: str
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    token_file: str = ""
    service_account_file: str = ""
    subject: str = ""
    api_root: str = "https://www.googleapis.com/"
    token_url: str = "https://oauth2.googleapis.com/token"
    timeout_s: float = TIMEOUT_S

    @property
    def kind(self) -> str:
        """Which of the ways is used."""
        return "service account" if self.service_account_file else "refresh token"
