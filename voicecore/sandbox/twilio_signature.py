"""How Twilio signs what it sends, so that the receiver can tell it from anybody else.

Source: Twilio, Webhooks security; twilio-python 9.13 `request_validator` agrees in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign(auth_token: str, url: str, params: Mapping[str, str] | None = None) -> str:
    """Return the signature of a request to `url` with the form `params` (None: no form).

    `url` is the address as configured at Twilio, with its query; for a media stream the `wss://`
    address as written in the TwiML.
    """
    text = url + "".join(name + value for name, value in sorted((params or {}).items()))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
