"""E-mail addresses in the one form that is stored."""

from __future__ import annotations

import re

from crm.errors import InputError

EMAIL_MAX_CHARS = 254
_LOCAL_MAX_CHARS = 64
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(
    rf"(?P<local>[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*)"
    rf"@(?:{_LABEL}\.)+[a-z]{{2,63}}",
    re.IGNORECASE,
)


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
