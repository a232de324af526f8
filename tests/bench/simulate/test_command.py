"""The command line: exit code, JSON, and a model behind a real socket."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from bench.simulate.command import SimulateOptions, simulate
from voicecore.config import Settings
from voicecore.errors import SettingsError
from voicecore.sandbox.openai import OpenAiSandbox
from voicecore.sandbox.openai_policy import decide
from voicecore.sandbox.openai_reply import Reply, ToolCall
from voicecore.sandbox.openai_requests import Json


def no_worker(*_: object, **__: object) -> NoReturn:
    """In virtual time no worker is started."""
    raise AssertionError("a worker was asked for")


async def test_the_report_names_turns_tools_duration_and_end_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep" / "report.json"
    options = SimulateOptions(only=("cancel_appointment",), repeat=3, json_path=path)
    assert await simulate(options, Settings.model_construct(), no_worker)
    (scenario,) = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
    assert (scenario["name"], scenario["passed"], scenario["runs"]) == ("cancel_appointment", 3, 3)
    assert scenario["tools"]["cancel_appointment"] == 2
    assert scenario["duration_s"] > 10
    assert scenario["end"][0]["status"] == "cancelled"
    assert logging.root.manager.disable == logging.NOTSET, "logging is as it was"
    printed = capsys.readouterr().out
    assert "1 of 1 scenarios passed, 3 calls" in printed
    assert "overall: pass@1 1.000, pass^3 1.000" in printed


async def test_one_that_fails_is_shown_with_its_transcript(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "about: Nothing is booked.\ntalk: [{say: Hello.}]\nend: {appointments: [{who: maria}]}\n"
    (tmp_path / "hopeless.yaml").write_text(text, encoding="utf-8")
    path = tmp_path / "report.json"
    assert not await simulate(
        SimulateOptions(folder=tmp_path, json_path=path), Settings.model_construct(), no_worker
    )
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
        assert await simulate(options, settings, no_worker)
        assert server.counters.answered > 10
        assert server.counters.rejected == 0
    assert "pass^2" in capsys.readouterr().out


async def test_a_wobbly_model_shows_in_pass_to_the_k(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = itertools.count()

    def wobbly(messages: Sequence[Json], tools: Sequence[Json]) -> Reply:
        is_first = [m["role"] for m in messages if m["role"] in ("user", "tool")] == ["user"]
        if is_first and next(calls) % 3 == 2:
            return Reply(calls=(ToolCall("end_call", {}),))
        return decide(messages, tools)

    async with OpenAiSandbox(policy=wobbly) as server:
        settings = Settings.model_validate(
            {"openai_api_key": server.api_key, "openai_base_url": server.base_url}
        )
        path = tmp_path / "report.json"
        options = SimulateOptions(
            only=("cancel_appointment",), repeat=6, real_llm=True, json_path=path
        )
        assert not await simulate(options, settings, no_worker)
    (scenario,) = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
    assert (scenario["passed"], scenario["runs"]) == (4, 6)
    assert (scenario["pass_at_1"], scenario["pass_hat_k"]) == (0.6667, 0.0)
    assert "overall: pass@1 0.667, pass^6 0.000" in capsys.readouterr().out


async def test_without_a_key_no_real_model_is_asked() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        await simulate(SimulateOptions(real_llm=True), Settings.model_construct(), no_worker)
