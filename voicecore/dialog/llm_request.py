"""What one request to the language model holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """Messages and tools in the shape of OpenAI's chat completions.

    `tools` may be empty: the model must then answer in words.
    """

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
