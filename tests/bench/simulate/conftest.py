"""A shop for simulated calls in a database of the test's own."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from bench.simulate.direct_model import DirectModel
from bench.simulate.virtual_shop import VirtualShop, virtual_shop


@pytest.fixture
async def shop(crm_dsn: str) -> AsyncIterator[VirtualShop]:
    """The small shop with the stand-in model; failures that scenarios order are not logged."""
    logging.disable(logging.CRITICAL)
    try:
        async with virtual_shop(crm_dsn, DirectModel()) as shop:
            yield shop
    finally:
        logging.disable(logging.NOTSET)
