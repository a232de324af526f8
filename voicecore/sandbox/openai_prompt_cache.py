"""How much of a prompt the vendor would read from its cache.

Source: OpenAI, Guides - Prompt caching: exact prefixes of tools and messages, from 1,024 tokens on,
in steps of 128.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

CHARS_PER_TOKEN = 4
LEAST_TOKENS, STEP_TOKENS = 1024, 128
_MOST_PROMPTS = 64


class PromptCache:
    """Remembers the latest prompts."""

    def __init__(self) -> None:
        self._prompts: deque[tuple[str, str]] = deque(maxlen=_MOST_PROMPTS)

    def look_up(self, body: Mapping[str, Any]) -> tuple[int, int]:
        """Return the prompt's tokens and how many of them were cached; remembers the prompt."""
        model = str(body["model"])
        prompt = json.dumps([body.get("tools", []), *body["messages"]])
        shared = max(
            (_shared(prompt, old) for name, old in self._prompts if name == model),
            default=0,
        )
        self._prompts.append((model, prompt))
        tokens = shared // CHARS_PER_TOKEN // STEP_TOKENS * STEP_TOKENS
        cached = tokens if tokens >= LEAST_TOKENS else 0
        return max(1, len(prompt) // CHARS_PER_TOKEN), cached


def _shared(one: str, other: str) -> int:
    """Return how many characters both begin with; whole slices are compared, which is fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
