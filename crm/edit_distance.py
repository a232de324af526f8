"""How many slips lie between two spellings."""

from __future__ import annotations

COMPARED_CHARS = 32


def edit_distance(one: str, other: str) -> int:
    """Count the letters to add, drop, replace, or swap with their neighbour; 0 is equality.

    Only the first 32 characters count, which bounds the work for any two texts.
    Source: optimal string alignment, the restricted form of Damerau's distance.
    """
    one, other = one[:COMPARED_CHARS], other[:COMPARED_CHARS]
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, char in enumerate(one, start=1):
        earlier, before, row = before, row, [at] + [0] * len(other)
        for place, wanted in enumerate(other, start=1):
            row[place] = min(
                before[place] + 1, row[place - 1] + 1, before[place - 1] + (char != wanted)
            )
            swapped = place > 1 and at > 1 and char == other[place - 2] and one[at - 2] == wanted
            if swapped:
                row[place] = min(row[place], earlier[place - 2] + 1)
    return row[-1]
