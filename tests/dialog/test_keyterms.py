"""What the listener is told to expect on a call, within the vendor's limits."""

from __future__ import annotations

from dataclasses import replace

from tests.dialog.shop_world import MARIA, MARIA_PHONE, SHOP, world
from voicecore.dialog.keyterms import MOST_TERMS, MOST_TOKENS
from voicecore.dialog.reminder import Reminder
from voicecore.dialog.token_estimate import estimated_tokens


async def terms_of(*records: object, **wishes: object) -> list[str]:
    call = world(*records, **wishes)  # type: ignore[arg-type]
    await call.conversation.prefetch()
    return call.conversation.keyterms()


async def test_people_and_cars_come_first_then_the_shop_and_its_services() -> None:
    terms = await terms_of(shop=replace(SHOP, agent_name="Robin"))
    assert terms[:3] == ["Maria Lopez", "Maria", "Lopez"]
    assert terms.index("Toyota Camry") < terms.index(SHOP.name) < terms.index("Oil change")
    assert {"Toyota", "Camry", "Robin"} <= set(terms)
    assert len({term.lower() for term in terms}) == len(terms)


async def test_a_customer_whom_we_ring_is_expected_by_name() -> None:
    reminder = Reminder(appointment_id=1, phone_e164=MARIA_PHONE, first_name="Jo")
    assert (await terms_of(reminder=reminder))[0] == "Jo"


async def test_many_cars_with_long_names_stay_within_the_limit() -> None:
    car = MARIA.vehicles[0]
    cars = tuple(
        replace(car, vehicle_id=number, make=f"Make{number}", model=f"Model {number} Gran GTX")
        for number in range(1, 120)
    )
    terms = await terms_of(replace(MARIA, vehicles=cars))
    assert terms[:3] == ["Maria Lopez", "Maria", "Lopez"]
    assert len(terms) <= MOST_TERMS
    assert sum(estimated_tokens(term) + 1 for term in terms) <= MOST_TOKENS


async def test_what_is_no_word_is_no_term() -> None:
    person = replace(MARIA.customer, first_name="<b>$$</b>", last_name="7")  # type: ignore[type-var]
    terms = await terms_of(replace(MARIA, customer=person))
    assert all(len(term) > 1 and any(map(str.isalpha, term)) for term in terms)
    assert not any(sign in "".join(terms) for sign in "<>$")
