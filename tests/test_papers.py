"""What the papers of the project name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAPERS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda paper: paper.as_posix()
)
NAMED_FILE = re.compile(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+\.(?:py|sql|md|txt))`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#:]+?)(?:#[^)]*)?\)")
MAKE_WORD = re.compile(r"`make ([a-z-]+)")


def _names() -> list[str]:
    return [paper.relative_to(ROOT).as_posix() for paper in PAPERS]


@pytest.mark.parametrize("paper", _names())
def test_every_named_file_exists(paper: str) -> None:
    text = (ROOT / paper).read_text("utf-8")
    # Pages about the engine leave its folder out of the path.
    missing = [
        name
        for name in NAMED_FILE.findall(text)
        if not (ROOT / name).exists() and not (ROOT / "voicecore" / name).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("paper", _names())
def test_every_link_inside_the_project_leads_somewhere(paper: str) -> None:
    here = ROOT / paper
    links = LINK.findall(here.read_text("utf-8"))
    assert [link for link in links if not (here.parent / link).exists()] == []


@pytest.mark.parametrize("paper", _names())
def test_every_make_word_is_in_the_makefile(paper: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    words = set(MAKE_WORD.findall((ROOT / paper).read_text("utf-8")))
    assert {word for word in words if not re.search(rf"^{word}:", makefile, re.M)} == set()


def test_each_decision_has_its_five_parts() -> None:
    for paper in sorted((ROOT / "docs" / "adr").glob("*.md")):
        text = paper.read_text("utf-8")
        assert text.startswith(f"# {int(paper.name[:4])}. "), paper.name
        assert re.search(r"^Date: \d{4}-\d\d-\d\d · Status: \w+", text, re.M), paper.name
        for part in ("Context", "Decision", "Consequences"):
            assert f"\n## {part}\n" in text, paper.name
