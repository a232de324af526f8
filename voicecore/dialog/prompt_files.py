"""Loads the prompts from the package; the version names exactly what the model was told."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from voicecore.dialog.scenarios.catalogue import SCENARIOS
from voicecore.dialog.scenarios.scenario import Direction

_PACKAGE = "voicecore.dialog.prompts"
_FIRST, _LAST = ("system.md", "phone_style.md"), ("closing.md",)
_TEMPLATES = ("context.md", "state.md", "held_back.md")


@cache
def prompt(name: str) -> str:
    """Return the text of one prompt file, without the line end at its end."""
    return resources.files(_PACKAGE).joinpath(name).read_text(encoding="utf-8").rstrip()


@cache
def system_prompt(direction: Direction = Direction.INBOUND) -> str:
    """Return the part of the instructions that is the same on every call, for prefix caching."""
    fragments = (entry.prompt for entry in SCENARIOS if direction in entry.directions)
    return "\n\n".join(prompt(name) for name in (*_FIRST, *fragments, *_LAST))


@cache
def prompt_version() -> str:
    """Return twelve hex digits that change with any prompt file."""
    return _digest(*_FIRST, *(entry.prompt for entry in SCENARIOS), *_LAST, *_TEMPLATES)


@cache
def prompt_versions() -> dict[str, str]:
    """Return the version of each scenario's own prompt, by the scenario's name."""
    return {entry.name: _digest(entry.prompt) for entry in SCENARIOS}


def _digest(*names: str) -> str:
    texts = "\0".join(prompt(name) for name in names)
    return hashlib.sha256(texts.encode()).hexdigest()[:12]
