"""The names and area codes that people are drawn from, frozen in `pools.json`.

The file was drawn once from Faker and from the metadata of `phonenumbers` by
`crm.dataset.draw_pools`, so that a release of either cannot change the dataset. A name that is
common stands in it several times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

POOLS_FILE = Path(__file__).with_name("pools.json")


@dataclass(frozen=True, slots=True)
class Origin:
    """Names that go together; `share` is the part of all people who have them, 0 to 1."""

    locale: str
    share: float
    first: tuple[str, ...]
    last: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pools:
    """What is drawn from; `area_codes` are those of the United States that number people."""

    origins: tuple[Origin, ...]
    streets: tuple[str, ...]
    area_codes: tuple[str, ...]


@cache
def load_pools() -> Pools:
    """Read the frozen pools."""
    data = json.loads(POOLS_FILE.read_text(encoding="utf-8"))
    return Pools(
        origins=tuple(
            Origin(row["locale"], row["share"], tuple(row["first"]), tuple(row["last"]))
            for row in data["origins"]
        ),
        streets=tuple(data["streets"]),
        area_codes=tuple(data["area_codes"]),
    )


def dump_pools(pools: Pools) -> str:
    """Return the text of `pools.json`, a few names a line."""
    origins = ",\n".join(
        f'{{"locale": {json.dumps(one.locale)}, "share": {one.share},\n'
        f'"first": {_lines(one.first)},\n"last": {_lines(one.last)}}}'
        for one in pools.origins
    )
    return (
        f'{{"origins": [\n{origins}\n],\n"streets": {_lines(pools.streets)},\n'
        f'"area_codes": {_lines(pools.area_codes)}}}\n'
    )


def _lines(words: Sequence[str]) -> str:
    quoted = [json.dumps(word, ensure_ascii=False) for word in words]
    lines = [", ".join(quoted[start : start + 8]) for start in range(0, len(quoted), 8)]
    return "[\n" + ",\n".join(lines) + "]"
