"""Examines everything that a call needs: one line for each thing, and what to do about it.

What is tried comes from outside as probes: a probe returns what it saw, or raises. Each has its own
deadline, so a service that hangs is a finding and not a wait; all run at once.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

DEADLINE_S = 10.0
LEAST_FREE_BYTES = 1_000_000_000


class ExaminationError(Exception):
    """What was looked at is not as it should be; the text says how it is."""


class Examinable(Protocol):
    """Something to try: what `Examination` has."""

    @property
    def name(self) -> str: ...
    @property
    def probe(self) -> Callable[[], Awaitable[str]]: ...
    @property
    def advice(self) -> str: ...
    @property
    def deadline_s(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One thing to try, and what to do when it does not work."""

    name: str
    probe: Callable[[], Awaitable[str]]
    advice: str
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of it; `advice` is empty where it works."""

    name: str
    is_ok: bool
    detail: str
    advice: str
    took_s: float

    def line(self) -> str:
        """Return it in one line."""
        end = "" if self.is_ok else f" -> {self.advice}"
        return f"{'ok  ' if self.is_ok else 'FAIL'}  {self.name}: {self.detail}{end}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": self.name,
            "ok": self.is_ok,
            "detail": self.detail,
            "advice": self.advice,
            "took_s": round(self.took_s, 3),
        }


async def examine(
    examinations: Sequence[Examinable], expected: tuple[type[Exception], ...]
) -> tuple[Finding, ...]:
    """Try everything at once; errors of the types `expected` are findings, any other is a bug."""
    return tuple(await asyncio.gather(*(_try(one, expected) for one in examinations)))


async def _try(one: Examinable, expected: tuple[type[Exception], ...]) -> Finding:
    begun = time.perf_counter()
    is_ok = False
    problems: tuple[type[Exception], ...] = (ExaminationError, *expected)
    try:
        async with asyncio.timeout(one.deadline_s):
            detail = await one.probe()
        is_ok = True
    except TimeoutError:
        detail = f"no answer within {one.deadline_s:g} s"
    except problems as error:
        detail = str(error) or type(error).__name__
    return Finding(
        name=one.name,
        is_ok=is_ok,
        detail=detail,
        advice="" if is_ok else one.advice,
        took_s=time.perf_counter() - begun,
    )


async def free_disk(folder: Path, *, least_bytes: int = LEAST_FREE_BYTES) -> str:
    """Return how much room is left.

    Raises:
        ExaminationError: less than `least_bytes`.
    """
    free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
    text = f"{free / 1e9:.1f} GB free"
    if free < least_bytes:
        raise ExaminationError(f"only {text}")
    return text
