"""`.env.example` and `Settings` say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicecore.config import Settings, load_settings
from voicecore.env_example import render_env_example

ENV_EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"


def _lines() -> list[str]:
    return render_env_example().splitlines()


def test_the_file_in_the_project_is_the_rendered_one() -> None:
    assert ENV_EXAMPLE.read_text("utf-8") == render_env_example(), "run make env-example"


def test_every_setting_is_there_once_with_its_meaning() -> None:
    lines = _lines()
    for name, field in Settings.model_fields.items():
        assert field.description, f"{name} has no description"
        (index,) = [i for i, line in enumerate(lines) if line.startswith(f"{name.upper()}=")]
        assert lines[index - 1].startswith("# ")


def test_nothing_else_is_set() -> None:
    names = {line.partition("=")[0] for line in _lines() if line and not line.startswith("#")}
    assert names == {name.upper() for name in Settings.model_fields}


def test_no_line_is_wider_than_the_page() -> None:
    assert all(len(line) <= 100 for line in _lines())


def test_a_copy_of_it_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    copy = tmp_path / ".env"
    copy.write_text(render_env_example(), "utf-8")
    assert load_settings(copy) == load_settings()
