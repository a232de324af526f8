"""The numbers of a Twilio account, and where each sends its calls and texts.

Source: Twilio, IncomingPhoneNumbers resource.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_FORM_NAMES = {
    "VoiceUrl": "voice_url",
    "VoiceFallbackUrl": "voice_fallback_url",
    "StatusCallback": "status_callback",
    "SmsUrl": "sms_url",
}


@dataclass(slots=True)
class PhoneNumber:
    """One number; addresses that were never set are empty."""

    sid: str
    phone_number: str
    urls: dict[str, str] = field(default_factory=lambda: dict.fromkeys(_FORM_NAMES.values(), ""))

    def update(self, form: dict[str, list[str]]) -> None:
        """Take over the addresses of a form; what it does not name stays."""
        for name, values in form.items():
            if name in _FORM_NAMES:
                self.urls[_FORM_NAMES[name]] = values[0]

    def json(self, account_sid: str) -> dict[str, object]:
        """Return it as the resource shows it."""
        return {
            "account_sid": account_sid,
            "sid": self.sid,
            "phone_number": self.phone_number,
            "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
            "voice_method": "POST",
            "sms_method": "POST",
            "uri": f"/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers/{self.sid}.json",
            **self.urls,
        }
