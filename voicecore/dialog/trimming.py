"""Cuts a long call down to a budget of tokens, at the start of a caller's turn.

What is left out is replaced by a summary made from it. The cut stands on a grid of turns: it moves
rarely, so that most requests share all but their end with the one before, for the prompt cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from voicecore.dialog.repair import repaired
from voicecore.dialog.token_estimate import message_tokens, messages_tokens

Message = dict[str, Any]

GRID_TURNS = 8
"""The cut lies at every eighth turn of the caller, as long as the budget allows that."""
LEFT_OUT = '{"note": "left out to save space"}'
NEWEST_MESSAGES = 6
"""The last exchanges of an endless turn; they are shortened only when nothing else is left."""
_WORTH_LEAVING_OUT = 40
"""A shorter result costs hardly more than the note in its place."""


def trimmed(
    messages: Sequence[Message], budget: int, summarise: Callable[[Sequence[Message]], str]
) -> list[Message]:
    """Return `messages`, repaired, within `budget` tokens.

    The system messages at both ends and the caller's last turn stay, even if they alone are more
    than the budget. Of the caller's last turn tool results are left out, the oldest first.
    """
    messages = repaired(messages)
    if messages_tokens(messages) <= budget:
        return messages
    start, end = _middle(messages)
    head, middle, tail = messages[:start], messages[start:end], messages[end:]
    room = budget - messages_tokens(head) - messages_tokens(tail)
    starts = [at for at, message in enumerate(middle) if message["role"] == "user"]
    rest = middle
    for cut in _cuts(starts):
        note = {"role": "system", "content": summarise(middle[:cut])}
        rest = middle[cut:]
        if message_tokens(note) + messages_tokens(rest) <= room:
            return [*head, note, *rest, *tail]
    return [*head, *_shortened(rest, room), *tail]


def _middle(messages: Sequence[Message]) -> tuple[int, int]:
    """Return where the conversation begins and ends between the system messages."""
    start, end = 0, len(messages)
    while start < end and messages[start]["role"] == "system":
        start += 1
    while end > start and messages[end - 1]["role"] == "system":
        end -= 1
    return start, end


def _cuts(starts: Sequence[int]) -> list[int]:
    """Return where may be cut, the earliest first: on the grid, then at any turn's start."""
    on_grid = list(starts[GRID_TURNS::GRID_TURNS])
    behind = [at for at in starts[1:] if not on_grid or at > on_grid[-1]]
    return on_grid + behind


def _shortened(turn: list[Message], room: int) -> list[Message]:
    """Leave out of one turn what is needed: results, then whole exchanges; never the words."""
    older, newest = turn[:-NEWEST_MESSAGES], turn[-NEWEST_MESSAGES:]
    for part, other in ((older, newest), (newest, older)):
        _leave_out_results(part, room - messages_tokens(other))
        _drop_oldest(part, room - messages_tokens(other))
    return older + newest


def _leave_out_results(part: list[Message], room: int) -> None:
    for at, message in enumerate(part):
        if messages_tokens(part) <= room:
            return
        if message["role"] == "tool" and message_tokens(message) > _WORTH_LEAVING_OUT:
            part[at] = {**message, "content": LEFT_OUT}


def _drop_oldest(part: list[Message], room: int) -> None:
    """Drop messages, except the caller's last words; an answer goes with its call."""
    words = max((at for at, message in enumerate(part) if message["role"] == "user"), default=-1)
    kept = [part[words]] if words >= 0 else []
    rest = [message for at, message in enumerate(part) if at != words]
    before = words
    while rest and messages_tokens(kept) + messages_tokens(rest) > room:
        before -= before > 0
        del rest[0]
        while rest and rest[0]["role"] == "tool":
            before -= before > 0
            del rest[0]
    part[:] = [*rest[: max(0, before)], *kept, *rest[max(0, before) :]]
