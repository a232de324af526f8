"""What is taken, as masks of one day."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scheduler.minute_mask import minutes_of
from scheduler.occupancy import Occupancy, Span

SPANS = st.lists(
    st.builds(
        lambda start, length, bay, person: Span(start, start + length, bay, person),
        st.integers(0, 3000),
        st.integers(-5, 900),
        st.sampled_from([None, 1, 2]),
        st.sampled_from([None, 7]),
    ),
    max_size=30,
)


def minutes(spans: list[Span], first: int, bits: range) -> list[int]:
    return [
        bit
        for bit in bits
        if any(span.start_minute <= first + bit < span.end_minute for span in spans)
    ]


@given(SPANS, st.integers(0, 3000), st.integers(0, 300), st.integers(1, 1500))
def test_each_bay_technician_and_the_shop_have_their_own(
    spans: list[Span], first: int, low: int, length: int
) -> None:
    occupancy = Occupancy(spans)
    bits = range(low, low + length)
    for bay_id in (1, 2):
        own = [span for span in spans if span.bay_id == bay_id]
        assert list(minutes_of(occupancy.bay(bay_id, first, bits))) == minutes(own, first, bits)
    own = [span for span in spans if span.technician_id == 7]
    assert list(minutes_of(occupancy.technician(7, first, bits))) == minutes(own, first, bits)
    own = [span for span in spans if span.bay_id is None and span.technician_id is None]
    assert list(minutes_of(occupancy.shop(first, bits))) == minutes(own, first, bits)


def test_nobody_else_is_taken() -> None:
    occupancy = Occupancy([Span(0, 60, 1, 7)])
    assert occupancy.bay(2, 0, range(100)) == occupancy.technician(8, 0, range(100)) == 0
