"""E-mail addresses in the one form that is stored."""

from __future__ import annotations

import re

from crm.errors import InputError
from crm.problem import Problem

EMAIL_MAX_CHARS = 254
_LOCAL_MAX_CHARS = 64
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(
    rf"(?P<local>[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*)"
    rf"@(?:{_LABEL}\.)+[a-z]{{2,63}}",
    re.IGNORECASE,
)
_SAID_MAX_CHARS = 400
# In this order: "at" can also end the local part, so only the last one is the sign.
_SAID = (
    (re.compile(r"\s+(?:dot|point|period)\s+"), "."),
    (re.compile(r"\s+under\s?score\s+"), "_"),
    (re.compile(r"\s+(?:dash|hyphen|minus)\s+"), "-"),
    (re.compile(r"\s+plus\s+"), "+"),
)
_SAID_AT = re.compile(r"\s+at(?:\s+sign)?\s+")
_ASK = "What is your email address?"
_ASK_SPELL = "I want to get your email address right. Could you spell the part before the at sign?"
_ASK_HOST = "And what comes after the at sign in your email address?"


def read_email(text: str) -> str | Problem:
    """Return the address, from characters or from words ("maria dot lopez at example dot com").

    Words that are said one after the other are joined: "big red at example dot com" is
    "bigred@example.com".
    """
    if len(text) > _SAID_MAX_CHARS:
        return Problem("email", "email_unreadable", _ASK_SPELL)
    written = text.strip().rstrip(".,;!?")
    if "@" not in written:
        written = _written(f" {written.lower()} ")
    try:
        return normalise_email(written)
    except InputError:
        pass
    if not written:
        return Problem("email", "email_missing", _ASK)
    if "@" not in written.strip("@") or "." not in written.rpartition("@")[2]:
        return Problem("email", "email_host", _ASK_HOST)
    return Problem("email", "email_unreadable", _ASK_SPELL)


def _written(said: str) -> str:
    for pattern, sign in _SAID:
        said = pattern.sub(sign, said)
    *local, host = _SAID_AT.split(said)
    parts = [" at ".join(local), host] if local else [host]
    return "@".join("".join(part.split()) for part in parts)


def normalise_email(value: str) -> str:
    """Return the address without blanks around it and with its domain in lower case.

    Quoted local parts and address literals are not taken.
    Source: RFC 5321 4.1.2 (dot-string), 4.5.3.1 (lengths).

    Raises:
        InputError: it is not a mailbox on a named host.
    """
    address = value.strip()
    match = _ADDRESS.fullmatch(address) if len(address) <= EMAIL_MAX_CHARS else None
    if match is None or len(match["local"]) > _LOCAL_MAX_CHARS:
        raise InputError("email", "is not an address")
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"
