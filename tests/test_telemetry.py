"""What a log line looks like, and which ones are written."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from voicecore.telemetry import configure_logging


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Gives every logger back as it was found."""
    root = logging.getLogger()
    ours = [logging.getLogger(name) for name in ("crm", "scheduler", "voicecore")]
    handlers, levels = list(root.handlers), [logger.level for logger in (root, *ours)]
    yield
    root.handlers[:] = handlers
    for logger, level in zip((root, *ours), levels, strict=True):
        logger.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_event_is_one_json_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", pretty=False)
    structlog.get_logger().info("barge_in", turn=3, onset_to_clear_ms=41)

    (line,) = _lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "barge_in", "level": "info", "turn": 3, "onset_to_clear_ms": 41}


def test_the_standard_librarys_loggers_write_the_same_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("INFO", pretty=False)
    logging.getLogger("crm.pool").warning("database_slow", extra={"wait_ms": 900})

    (line,) = _lines(capsys)
    assert (line["event"], line["level"], line["wait_ms"]) == ("database_slow", "warning", 900)


def test_the_call_of_the_context_is_on_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", pretty=False)
    structlog.contextvars.bind_contextvars(call_sid="CA1")
    structlog.get_logger().info("one")
    logging.getLogger("scheduler.worker").info("two")

    assert [line["call_sid"] for line in _lines(capsys)] == ["CA1", "CA1"]


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING", pretty=False)
    structlog.get_logger().info("too_quiet")
    logging.getLogger("voicecore.net").info("too_quiet")
    logging.getLogger("crm").error("loud_enough")

    assert [line["event"] for line in _lines(capsys)] == ["loud_enough"]


def test_other_peoples_loggers_do_not_chatter_at_info(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("ERROR", pretty=False)
    logging.getLogger("aiohttp.access").warning("too_quiet")
    logging.getLogger("aiohttp.access").error("loud_enough")

    assert [line["event"] for line in _lines(capsys)] == ["loud_enough"]


def test_a_traceback_stays_on_the_line_of_its_event(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", pretty=False)
    try:
        raise RuntimeError("cable cut")
    except RuntimeError:
        structlog.get_logger().exception("call_broke")

    (line,) = _lines(capsys)
    assert line["event"] == "call_broke"
    assert "RuntimeError: cable cut" in line["exception"]


def test_a_person_gets_words_not_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", pretty=True)
    structlog.get_logger().info("serving", port=8080)

    text = capsys.readouterr().err
    assert "serving" in text
    assert "port" in text
    assert not text.startswith("{")


def test_configuring_twice_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", pretty=False)
    configure_logging("INFO", pretty=False)
    logging.getLogger("crm").info("once")
    structlog.get_logger().info("once")

    assert len(_lines(capsys)) == 2


@pytest.mark.parametrize("level", ["info", "Info"])
def test_the_level_may_be_written_in_any_case(level: str) -> None:
    configure_logging(level, pretty=False)
    assert logging.getLogger("crm").level == logging.INFO


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOG_LEVEL"):
        configure_logging("loud", pretty=False)
