"""The tracks of a call from its pieces."""

from __future__ import annotations

from voicecore.sandbox.call_record import CallRecord
from voicecore.sandbox.twilio_buffer import PlayoutModel


def test_the_heard_track_joins_the_playouts_where_they_began() -> None:
    record = CallRecord(said=bytearray(b"\xff" * 16_000))
    for start_s, code in ((0.5, b"\x01"), (1.5, b"\x02")):
        playout = PlayoutModel(start_s=start_s)
        playout.feed(start_s, code * 800)
        playout.clear(start_s + 0.05)
        playout.close(start_s + 0.25)
        record.playouts.append(playout)
    heard = record.heard()
    assert len(heard) == 16_000
    assert [heard.index(code) for code in (b"\x01", b"\x02")] == [4000, 12_000]
    assert [heard.count(code) for code in (b"\x01", b"\x02")] == [400, 400]
    assert record.clears_s() == (0.55, 1.55)
