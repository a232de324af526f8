from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import MARIA, MARIA_PHONE, THURSDAY_TWO, MemorySchedule, world
from voicecore.call.history import ToolUsed
from voicecore.dialog.code_words import CODE_NOTE


async def with_appointment() -> DeskHand:
    schedule = MemorySchedule()
    schedule.add(MARIA, THURSDAY_TWO)
    hand = DeskHand(world(schedule=schedule))
    await hand.identify()
    return hand


async def test_the_confirmation_goes_to_the_number_on_file_once() -> None:
    hand = await with_appointment()
    for _ in range(2):
        result = await hand.use("send_confirmation", appointment="appointment_1")
        assert result == {"status": "sent"}
    assert hand.world.messenger.sent == [
        (
            MARIA_PHONE,
            "Northside Auto Care: Oil change on Thu Nov 26, 2:00 PM for your 2019 Toyota Camry. "
            "120 Lakeview Avenue, Springfield. Reply or call to change it.",
        )
    ]
    (sms,) = hand.world.conversation.ledger.sms
    assert sms.sid.startswith("SM")


async def test_a_text_that_was_refused_is_not_claimed() -> None:
    hand = await with_appointment()
    hand.world.messenger.failure = PermissionError("not on the allow-list")
    result = await hand.use("send_confirmation", appointment="appointment_1")
    assert result["error"] == "failed"
    assert hand.world.conversation.review("I've sent you a text.") == "One moment please."


async def test_an_unknown_appointment_is_asked_back() -> None:
    hand = await with_appointment()
    result = await hand.use("send_confirmation", appointment="appointment_5")
    assert result["error"] == "unknown_appointment"


async def test_a_new_caller_is_registered_and_can_book() -> None:
    hand = DeskHand(world(caller=None))
    result = await hand.use(
        "update_customer_info", first_name="Ann", last_name="Lee", phone="312 555 0188"
    )
    assert result == {"status": "registered", "customer": "customer_1", "name": "Ann Lee"}
    await hand.offer()
    booked = await hand.agree("book_appointment", slot="slot_1", service="oil_change")
    assert booked["status"] == "booked"
    await hand.use("send_confirmation", appointment=booked["appointment"])
    assert hand.world.messenger.sent[0][0] == "+13125550188"


async def test_registering_with_the_name_and_number_on_file_finds_that_account() -> None:
    hand = DeskHand(world(caller=None))
    await hand.use(
        "update_customer_info", first_name="Maria", last_name="Lopez", phone="312 555 0142"
    )
    customer = hand.world.conversation.ledger.customer
    assert customer is not None
    assert customer.customer_id == MARIA.customer.customer_id


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "name_missing"),
        ({"first_name": "Ann", "last_name": "Lee"}, "phone_missing"),
        ({"first_name": "Ann", "last_name": "Lee", "phone": "12"}, "phone_too_short"),
    ],
)
async def test_a_registration_asks_for_what_is_missing(
    arguments: dict[str, str], error: str
) -> None:
    hand = DeskHand(world(caller=None))
    assert (await hand.use("update_customer_info", **arguments))["error"] == error


async def test_contact_details_change_only_with_the_code_from_the_number_on_file() -> None:
    hand = DeskHand(world())
    await hand.identify()
    asked = await hand.use("update_customer_info", email="new@example.com")
    assert asked["status"] == "code_sent"
    to, body = hand.world.messenger.sent[0]
    assert to == MARIA_PHONE
    code = re.findall(r"[0-9]{6}", body)[0]
    assert code not in str(asked)
    hand.hear("000000" if code != "000000" else "111111")
    refused = await hand.use("update_customer_info", email="new@example.com")
    assert refused["error"] == "wrong_code"
    assert hand.world.directory.people[0].customer.email == "maria@example.com"
    hand.hear(f"It is {' '.join(code)}.")
    done = await hand.use("update_customer_info", email="new@example.com")
    assert done == {"status": "updated"}
    assert hand.world.directory.people[0].customer.email == "new@example.com"
    said = "I've updated your email."
    assert hand.world.conversation.review(said) == said


async def test_what_is_wrong_is_asked_before_a_code_is_sent() -> None:
    hand = DeskHand(world())
    await hand.identify()
    for arguments, error in (
        ({"email": "x"}, "email_host"),
        ({"email": "maria double you at example dot com"}, "email_unclear"),
        ({}, "nothing_to_change"),
        ({"phone": "12"}, "phone_too_short"),
    ):
        assert (await hand.use("update_customer_info", **arguments))["error"] == error
    assert hand.world.messenger.sent == []


async def test_the_new_value_is_read_back_with_the_code_and_another_one_once_more() -> None:
    hand = DeskHand(world())
    await hand.identify()
    asked = await hand.use("update_customer_info", email="maria dot new at example dot com")
    assert "maria.new@example.com as your new e-mail address" in asked["ask"]
    hand.hear(re.findall(r"[0-9]{6}", hand.world.messenger.sent[0][1])[0])
    other = await hand.use("update_customer_info", email="thief@example.com")
    assert other["status"] == "read_back", "the code was for the other address"
    assert hand.world.directory.people[0].customer.email == "maria@example.com"
    done = await hand.agree("update_customer_info", phone="three one two 555 0199")
    assert done == {"status": "updated"}
    assert hand.world.directory.people[0].customer.phone_e164 == "+13125550199"


async def test_a_name_is_taken_as_it_was_spelled_and_asked_where_that_is_not_clear() -> None:
    hand = DeskHand(world(caller=None))
    said = {"first_name": "Catherine", "phone": "312 555 0188"}
    unclear = await hand.use("update_customer_info", **said, last_name="with a K")
    assert unclear["error"] == "name_unclear"
    found = await hand.use("update_customer_info", **said, last_name="Lopes, that's L O P E Z")
    assert found["name"] == "Catherine Lopez"


async def test_without_a_number_on_file_the_said_one_is_used() -> None:
    person = replace(MARIA, customer=replace(MARIA.customer, phone_e164=MARIA_PHONE))
    hand = DeskHand(world(person))
    await hand.identify()
    asked = await hand.use("update_customer_info", email="a@b.co")
    assert asked.get("status") == "code_sent", asked
    assert hand.world.messenger.sent[0][0] == MARIA_PHONE


async def test_the_model_never_sees_the_code_right_wrong_or_in_part() -> None:
    hand = DeskHand(world())
    await hand.identify()
    await hand.use("update_customer_info", email="new@example.com")
    code = re.findall(r"[0-9]{6}", hand.world.messenger.sent[0][1])[0]
    hand.hear(" ".join(code[:3]))
    assert (await hand.use("update_customer_info", email="new@example.com"))["error"]
    for said in (f"{code}7", f"Sorry, {' '.join(code)}."):
        hand.hear(said)
        await hand.use("update_customer_info", email="new@example.com")
    hand.hear(f"So {code} was right?")
    shown = json.dumps(hand.world.conversation.request(hand.history).messages)
    assert hand.world.directory.people[0].customer.email == "new@example.com"
    assert code not in shown
    assert " ".join(code) not in shown
    assert " ".join(code[:3]) not in shown
    assert shown.count(CODE_NOTE) == 4
    assert not any(code in item.content for item in hand.history if isinstance(item, ToolUsed))


async def test_words_without_digits_ask_for_another_code_three_times_at_most() -> None:
    hand = DeskHand(world())
    await hand.identify()
    for _ in range(2):
        assert (await hand.use("update_customer_info", email="a@b.co"))["status"] == "code_sent"
    assert len(hand.world.messenger.sent) == 1, "without any word nothing new is sent"
    for _ in range(2):
        hand.hear("It did not arrive.")
        assert (await hand.use("update_customer_info", email="a@b.co"))["status"] == "code_sent"
    hand.hear("Still nothing.")
    assert (await hand.use("update_customer_info", email="a@b.co"))["error"] == "code_spent"
    assert len({body for _, body in hand.world.messenger.sent}) == 3


async def test_after_five_wrong_codes_the_right_one_opens_nothing() -> None:
    hand = DeskHand(world())
    await hand.identify()
    await hand.use("update_customer_info", email="new@example.com")
    code = re.findall(r"[0-9]{6}", hand.world.messenger.sent[0][1])[0]
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    errors = []
    for _ in range(5):
        hand.hear(wrong)
        errors.append((await hand.use("update_customer_info", email="new@example.com"))["error"])
    assert errors == ["wrong_code"] * 4 + ["code_spent"]
    hand.hear(code)
    assert (await hand.use("update_customer_info", email="new@example.com"))[
        "status"
    ] == "code_sent", "another code, as the first one is spent"
    assert hand.world.directory.people[0].customer.email == "maria@example.com"


async def test_names_cannot_be_guessed_by_registering() -> None:
    hand = DeskHand(world(caller=None))
    for name in ("Ann", "Bob"):
        await hand.use(
            "update_customer_info", first_name=name, last_name="Lee", phone="312 555 0177"
        )
        assert (await hand.use("service_status"))["work"] == []
    refused = await hand.use(
        "update_customer_info", first_name="Canary", last_name="Zebrawood", phone="312 555 0177"
    )
    assert "anary" not in json.dumps(refused)


async def test_a_locked_call_registers_nobody() -> None:
    hand = DeskHand(world(caller=None))
    for name in ("Smith", "Jones", "Miller"):
        await hand.use("lookup_customer", phone="312 555 0177", name=name)
    refused = await hand.use(
        "update_customer_info", first_name="Canary", last_name="Zebrawood", phone="312 555 0177"
    )
    assert refused["error"] == "identity_limit"
    assert hand.world.conversation.ledger.customer is None
