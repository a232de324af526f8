"""Telephone numbers: E.164 inside, whatever a caller or a carrier sends outside."""

from __future__ import annotations

import phonenumbers

from crm.errors import InputError
from crm.problem import Problem

# Carriers spell "no caller ID" as digits on a telephone keypad: anonymous, restricted, blocked,
# unknown, unavailable. Source: Twilio, "Why am I getting calls from these strange numbers?".
_WITHHELD = frozenset({"266696687", "7378742833", "2562533", "8566696", "86282452253"})
_INPUT_MAX_CHARS = 64
_NATIONAL_DIGITS = 10
_ASK = "What number can we reach you at, with area code?"
_ASK_MORE = "I have {digits} digits of your number. Could you say all of it, with area code?"
_ASK_AGAIN = "That number doesn't seem to exist. Could you say it once more, digit by digit?"


def normalise_phone(value: str, region: str = "US") -> str:
    """Return the number as E.164; a number without country code is one of `region` (ISO 3166).

    Raises:
        InputError: not a number that can be dialled from abroad: withheld, a short code, a SIP
            address, or digits that the numbering plan does not have.
    """
    text = value.strip()
    if not text or len(text) > _INPUT_MAX_CHARS:
        raise InputError("phone", "is not a telephone number")
    if _digits(text) in _WITHHELD:
        raise InputError("phone", "is withheld")
    if ":" in text or "@" in text:
        raise InputError("phone", "is an address, not a number")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InputError("phone", "is not a telephone number") from error
    if not phonenumbers.is_valid_number(number):
        raise InputError("phone", "is not in the numbering plan")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_phone(text: str, region: str = "US") -> str | Problem:
    """Return the number as E.164, or what to ask; as `normalise_phone`."""
    try:
        return normalise_phone(text, region)
    except InputError as error:
        digits = len(_digits(text)) if len(text) <= _INPUT_MAX_CHARS else 0
        if error.reason == "is withheld" or digits == 0:
            return Problem("phone", "phone_missing", _ASK)
        if digits < _NATIONAL_DIGITS:
            return Problem("phone", "phone_too_short", _ASK_MORE.format(digits=digits))
        return Problem("phone", "phone_invalid", _ASK_AGAIN)


def caller_number(value: str | None, region: str = "US") -> str | None:
    """Return the E.164 number of a caller ID, or None where it names nobody."""
    if value is None:
        return None
    try:
        return normalise_phone(value, region)
    except InputError:
        return None


def mask_phone(phone_e164: str) -> str:
    """Return the number as logs may show it: country digit and the last four."""
    return f"{phone_e164[:2]}•••{phone_e164[-4:]}" if len(phone_e164) > 6 else "•••"


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdecimal())
