"""Estimates how many tokens a text has for a language model, without its vocabulary.

Measured against o200k_base (gpt-4o) on 22,000 tokens of prompts, tool results, phrases and callers'
words: 4 % too many in all; of texts from 20 tokens on none is estimated more than 15 % too low.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

MESSAGE_TOKENS = 4
"""What role and separators of one message cost."""
LOWEST_SHARE = 0.85
"""A long text has at most its estimate divided by this many tokens."""

_PART = re.compile(r" \d{1,3}|[^\W\d_]+|\d{1,3}|\s+|[^\w\s]+|_+")
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
_WHOLE_WORD_CHARS, _LONG_PIECE_CHARS = 8, 5


@lru_cache(maxsize=4096)
def estimated_tokens(text: str) -> int:
    """Return about how many tokens `text` has."""
    return sum(map(_tokens_of, _PART.findall(text)))


def message_tokens(message: Mapping[str, Any]) -> int:
    """Return about how many tokens one message of a chat costs, with its tool calls."""
    tokens = MESSAGE_TOKENS
    content = message.get("content")
    if content is not None:
        tokens += estimated_tokens(content if isinstance(content, str) else json.dumps(content))
    if message.get("tool_calls"):
        tokens += estimated_tokens(json.dumps(message["tool_calls"]))
    if message.get("tool_call_id"):
        tokens += estimated_tokens(str(message["tool_call_id"]))
    return tokens


def messages_tokens(messages: Iterable[Mapping[str, Any]]) -> int:
    """Return about how many tokens a list of messages costs."""
    return sum(map(message_tokens, messages))


def _tokens_of(part: str) -> int:
    """Count one run of letters, digits, blanks or signs."""
    if part.isspace():
        return int(part != " ")
    if part[-1].isdigit():
        return len(part.split(" "))
    if not part.isalpha():
        return _pieces(len(part.encode(errors="replace")), 2)
    if not part.isascii():
        return _pieces(len(part.encode(errors="replace")), 3)
    is_spelled = len(part) > 1 and part.isupper()
    if is_spelled or (len(part) > 3 and not _VOWEL.search(part)):
        return _pieces(len(part), 2)
    return 1 if len(part) <= _WHOLE_WORD_CHARS else _pieces(len(part), _LONG_PIECE_CHARS)


def _pieces(size: int, piece: int) -> int:
    return -(-size // piece)
