"""Text on its way into the database: one form, nothing that PostgreSQL refuses, bounded."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping

from crm.errors import InputError

NAME_MAX_CHARS = 100
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Persian and the scripts of India need these between letters.
_JOINERS = frozenset({"\u200c", "\u200d"})
_JSON_MAX_DEPTH = 20


def clean_name(value: str, field: str) -> str:
    """Return a name in NFC on one line, with single blanks; letters of any script.

    Raises:
        InputError: there is no letter or digit in it, or it is longer than 100 characters.
    """
    return clean_line(value, field, NAME_MAX_CHARS)


def clean_line(value: str, field: str, max_chars: int) -> str:
    """Return a text in NFC on one line, with single blanks.

    Raises:
        InputError: there is no letter or digit in it, or it is longer than `max_chars`.
    """
    visible = "".join(
        " " if unicodedata.category(char) in _INVISIBLE and char not in _JOINERS else char
        for char in unicodedata.normalize("NFC", value)
    )
    line = " ".join(visible.split())
    if not any(char.isalnum() for char in line):
        raise InputError(field, "is empty")
    if len(line) > max_chars:
        raise InputError(field, f"is longer than {max_chars} characters")
    return line


def storable(value: str) -> str:
    """Return any text as PostgreSQL can hold it: NUL dropped, lone surrogates replaced."""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def storable_json(value: Mapping[str, object]) -> str:
    """Return any mapping as JSON that `jsonb` takes.

    Lists, mappings, text and numbers stay what they are, everything else becomes its text; what is
    no finite number becomes null, and what lies deeper than 20 levels is cut off.
    """
    return json.dumps(_plain(value, _JSON_MAX_DEPTH), ensure_ascii=False)


def _plain(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {storable(str(key)): _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth - 1) for item in value]
    return storable(str(value))


def _number(value: float) -> object:
    if isinstance(value, int):
        return value if abs(value) < 2**63 else hex(value)
    return value if math.isfinite(value) else None
