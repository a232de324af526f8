"""Words of one call that the listener should expect: names, cars, services.

They go to the listener only, which tells nothing back unless it was said.

Source: Deepgram, Keyterm prompting: up to 500 tokens over all keyterms, terms as they are written.
"""

from __future__ import annotations

from voicecore.dialog.desk import CallDesk, plain_text
from voicecore.dialog.token_estimate import estimated_tokens

MOST_TERMS = 100
MOST_TOKENS = 400
"""Of an estimate, so that the vendor's own count stays below its limit of 500."""
_FEWEST_CHARS = 2


def keyterms(desk: CallDesk) -> list[str]:
    """Return the terms, the most telling first: people, their cars, the shop, what it does."""
    terms: list[str] = []
    if desk.reminder is not None:
        terms.append(desk.reminder.first_name)
    for record in filter(None, (desk.identity.record, desk.line_record())):
        customer = record.customer
        terms += [f"{customer.first_name} {customer.last_name}"]
        terms += [customer.first_name, customer.last_name]
        for car in record.vehicles:
            terms += [f"{car.make} {car.model}", car.make, car.model]
    terms += [desk.shop.name, desk.shop.agent_name]
    terms += [entry.name for entry in desk.services]
    return _within_limits(terms)


def _within_limits(terms: list[str]) -> list[str]:
    kept: dict[str, str] = {}
    tokens = 0
    for term in map(plain_text, terms):
        tokens_more = estimated_tokens(term) + 1
        is_word = len(term) >= _FEWEST_CHARS and any(character.isalpha() for character in term)
        if not is_word or term.lower() in kept:
            continue
        if len(kept) >= MOST_TERMS or tokens + tokens_more > MOST_TOKENS:
            break
        kept[term.lower()] = term
        tokens += tokens_more
    return list(kept.values())
