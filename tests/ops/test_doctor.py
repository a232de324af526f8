"""The doctor: every probe is a line, a slow one has a deadline, and a bug is no finding."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from voicecore.ops.doctor import (
    Examination,
    ExaminationError,
    examine,
    free_disk,
)


async def well() -> str:
    return "version 18"


async def ill() -> str:
    raise ExaminationError("version 9 is too old")


async def gone() -> str:
    raise ConnectionRefusedError("nobody listens")


async def slow() -> str:
    await asyncio.sleep(60)
    return "never"


async def test_findings_come_in_order_with_what_to_do() -> None:
    found = await examine(
        [
            Examination(name="a", probe=well, advice="mend a"),
            Examination(name="b", probe=ill, advice="mend b"),
            Examination(name="c", probe=gone, advice="mend c"),
            Examination(name="d", probe=slow, advice="mend d", deadline_s=0.05),
        ],
        (OSError,),
    )
    assert [one.line() for one in found] == [
        "ok    a: version 18",
        "FAIL  b: version 9 is too old -> mend b",
        "FAIL  c: nobody listens -> mend c",
        "FAIL  d: no answer within 0.05 s -> mend d",
    ]
    told = found[1].as_json()
    assert (told["ok"], told["advice"], told["name"]) == (False, "mend b", "b")


async def test_a_bug_of_ours_is_not_taken_for_an_ill_service() -> None:
    async def buggy() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await examine([Examination(name="a", probe=buggy, advice="")], (OSError,))


async def test_a_full_disk_is_seen(tmp_path: Path) -> None:
    assert "GB free" in await free_disk(tmp_path, least_bytes=1)
    with pytest.raises(ExaminationError, match="only"):
        await free_disk(tmp_path, least_bytes=10**18)
