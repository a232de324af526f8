from __future__ import annotations

from voicecore.dialog.identity import Rung
from voicecore.dialog.tools.authority import CHANGE_CONTACT, LEAST_RUNG
from voicecore.dialog.tools.catalogue import TOOLS


def test_everything_that_writes_to_an_account_needs_one() -> None:
    """What anybody may use changes nothing on file, or puts somebody new there."""
    free = {name for name, rung in LEAST_RUNG.items() if rung < Rung.ONE_FACT}
    writing = {name for name in free if TOOLS[name].writes}
    assert writing == {"update_customer_info", "transfer_to_human", "end_call"}


def test_a_number_on_file_alone_opens_nothing() -> None:
    assert Rung.NUMBER_ON_FILE not in LEAST_RUNG.values()


def test_contact_details_take_the_highest_rung() -> None:
    assert max(Rung) == CHANGE_CONTACT
