"""What the stand-ins' tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from voicecore.sandbox.twilio import TwilioSandbox


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioSandbox]:
    async with TwilioSandbox() as sandbox:
        yield sandbox
