"""Takes a caller at their last word: "five five five, no wait, five five six"."""

from __future__ import annotations

import re

_MARKER = re.compile(
    r"(?:\b(?:no wait|wait no|wait|oh wait|no no|no sorry|sorry no|sorry|scratch that|strike that|"
    r"i mean|i meant|make that|make it|correction|let me start over|start over|actually|rather|"
    r"never ?mind|my mistake|no)\b[ ,.;:!—-]*)+",
    re.IGNORECASE,
)
_AFTERTHOUGHT = re.compile(r"(?<=\w)[ ,]+(?:actually|rather)[ ,.;:!—-]*$", re.IGNORECASE)
"""Behind everything else it takes nothing back: "Friday would be great, actually"."""
_NUMBER_SIGN = re.compile(r"\b(?:no\. ?|number )(?=[0-9])", re.IGNORECASE)


def corrected_parts(text: str) -> list[str]:
    """Split at the words that take something back; the last part is what holds.

    One part: nothing was taken back. An empty last part: taken back, and nothing said instead.
    A correction that opens the text takes back what was said before it, and is dropped.
    """
    text = _AFTERTHOUGHT.sub("", _NUMBER_SIGN.sub("", text))
    parts = [part.strip(" ,.;:!—-") for part in _MARKER.split(text)]
    if len(parts) > 1 and not parts[0]:
        parts = parts[1:]
    return parts


def spliced(before: str, after: str, length: int) -> str | None:
    """Put `after` in place of the end of `before`, so that `length` characters come out.

    None where it cannot be told what is replaced.
    """
    if len(after) == length:
        return after
    replaced = len(before) + len(after) - length
    if not 0 < replaced <= min(len(before), len(after)):
        return None
    return before[: len(before) - replaced] + after
