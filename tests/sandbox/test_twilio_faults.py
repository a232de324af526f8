"""Settings of the line that make no sense are refused."""

from __future__ import annotations

from typing import Any

import pytest

from voicecore.sandbox.twilio_faults import LineConditions


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload_bytes": ()},
        {"payload_bytes": (160, 0)},
        {"loss": 1.5},
        {"delay_in_ms": -1},
        {"jitter_ms": -1},
    ],
)
def test_impossible_conditions_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"payload|loss|delay"):
        LineConditions(**wrong)
