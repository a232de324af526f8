"""Loads the prompts from the package; `PROMPT_VERSION` names exactly what the model was told."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from voicecore.dialog.scenarios import SCENARIOS

_PACKAGE = "voicecore.dialog.prompts"
_FIXED = ("system.md", "phone_style.md", *(entry.prompt for entry in SCENARIOS), "closing.md")
_TEMPLATES = ("context.md", "state.md", "held_back.md")


@cache
def prompt(name: str) -> str:
    """Return the text of one prompt file, without the line end at its end."""
    return resources.files(_PACKAGE).joinpath(name).read_text(encoding="utf-8").rstrip()


@cache
def system_prompt() -> str:
    """Return the part of the instructions that is the same on every call, for prefix caching."""
    return "\n\n".join(prompt(name) for name in _FIXED)


@cache
def prompt_version() -> str:
    """Return twelve hex digits that change with any prompt file."""
    texts = "\0".join(prompt(name) for name in (*_FIXED, *_TEMPLATES))
    return hashlib.sha256(texts.encode()).hexdigest()[:12]
