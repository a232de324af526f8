"""The command line: exit code, JSON, and a model behind a real socket."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from bench.simulate import command
from bench.simulate.command import SimulateOptions, simulate
from voicecore.config import Settings
from voicecore.errors import SettingsError
from voicecore.sandbox.openai import OpenAiSandbox


async def test_the_report_names_turns_tools_duration_and_end_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep" / "report.json"
    options = SimulateOptions(only=("cancel_appointment",), repeat=3, json_path=path)
    assert await simulate(options, Settings.model_construct())
    (scenario,) = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
    assert (scenario["name"], scenario["passed"], scenario["runs"]) == ("cancel_appointment", 3, 3)
    assert scenario["tools"]["cancel_appointment"] == 2
    assert scenario["duration_s"] > 10
    assert scenario["end"][0]["status"] == "cancelled"
    assert logging.root.manager.disable == logging.NOTSET, "logging is as it was"
    printed = capsys.readouterr().out
    assert "1 of 1 scenarios passed, 3 calls" in printed
    assert "pass^3 1.000" in printed


async def test_one_that_fails_is_shown_with_its_transcript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "about: Nothing is booked.\ntalk: [{say: Hello.}]\nend: {appointments: [{who: maria}]}\n"
    (tmp_path / "hopeless.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(command, "SCENARIOS", tmp_path)
    path = tmp_path / "report.json"
    assert not await simulate(SimulateOptions(json_path=path), Settings.model_construct())
    printed = capsys.readouterr().out
    assert "no such appointment" in printed
    assert "caller  Hello." in printed
    (scenario,) = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
    assert scenario["problems"]
    assert any("Hello." in line for line in scenario["transcript"])


async def test_a_real_model_is_asked_over_its_socket(capsys: pytest.CaptureFixture[str]) -> None:
    async with OpenAiSandbox() as server:
        settings = Settings.model_validate(
            {"openai_api_key": server.api_key, "openai_base_url": server.base_url}
        )
        options = SimulateOptions(only=("book_from_own_phone",), repeat=2, real_llm=True)
        assert await simulate(options, settings)
        assert server.counters.answered > 10
        assert server.counters.rejected == 0
    assert "pass^2" in capsys.readouterr().out


async def test_without_a_key_no_real_model_is_asked() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        await simulate(SimulateOptions(real_llm=True), Settings.model_construct())
