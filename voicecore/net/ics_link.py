"""Addresses that show one appointment to whoever has them, until they run out.

An address holds the appointment's number, when it expires, and a MAC over both, so nobody can make
one up or reach another appointment. The key is derived from a secret that is there anyway, under a
name of its own. Source: RFC 2104 (HMAC); RFC 4648 section 5 (base64url).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Callable
from enum import Enum
from hashlib import sha256

_SHAPE = struct.Struct(">QQ")
_MAC_BYTES = 16
_PURPOSE = b"voicecore appointment link v1"
PATH = "/appointments/"
LIFETIME_S = 30 * 24 * 3600


class LinkProblem(Enum):
    """Why an address shows nothing."""

    FORGED = "forged"
    EXPIRED = "expired"


class IcsLinks:
    """Makes such addresses and reads them; `now_s` is the time in seconds since 1970."""

    def __init__(self, public_base_url: str, secret: str, now_s: Callable[[], float]) -> None:
        self._base = f"{public_base_url.rstrip('/')}{PATH}"
        # Without a secret anybody could make an address; nobody gets one then.
        self._key = hmac.digest(secret.encode(), _PURPOSE, sha256) if secret else None
        self._now_s = now_s

    def address(self, appointment_id: int) -> str:
        """Return the address of an appointment's calendar file."""
        if self._key is None:
            raise ValueError("links need a secret")
        body = _SHAPE.pack(appointment_id, int(self._now_s()) + LIFETIME_S)
        token = base64.urlsafe_b64encode(body + self._mac(body)).decode().rstrip("=")
        return f"{self._base}{token}.ics"

    def read(self, token: str) -> int | LinkProblem:
        """Return the appointment's number, or why there is none."""
        if self._key is None or len(token) > 100:
            return LinkProblem.FORGED
        try:
            raw = base64.b64decode(f"{token}{'=' * (-len(token) % 4)}", b"-_", validate=True)
        except (binascii.Error, ValueError):
            return LinkProblem.FORGED
        body, mac = raw[: _SHAPE.size], raw[_SHAPE.size :]
        if len(body) != _SHAPE.size or not hmac.compare_digest(mac, self._mac(body)):
            return LinkProblem.FORGED
        appointment_id, expires_s = _SHAPE.unpack(body)
        return appointment_id if self._now_s() < expires_s else LinkProblem.EXPIRED

    def _mac(self, body: bytes) -> bytes:
        assert self._key is not None
        return hmac.digest(self._key, body, sha256)[:_MAC_BYTES]
