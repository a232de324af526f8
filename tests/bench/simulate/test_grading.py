"""The grader sees what is wrong: each scenario below wants something that does not happen."""

from __future__ import annotations

import pytest

from bench.simulate.script import parse_script
from bench.simulate.suite import play_one
from bench.simulate.virtual_shop import VirtualShop

CALL = """
about: An oil change for Maria.
talk:
  - say: I need an oil change on Thursday afternoon, three one two, five five five, oh one four two.
  - say: The first one.
  - say: Yes.
  - say: No, that's all. Goodbye.
end:
"""
TRUE = '{who: maria, car: camry, service: oil_change, at: "thursday 12:00"}'


@pytest.mark.parametrize(
    ("end", "problem"),
    [
        ("  appointments: []", "too many"),
        ("  outcome: agent", "too many"),
        (f"  appointments: [{TRUE}, {TRUE}]", "no such appointment"),
        ('  appointments: [{who: maria, at: "thursday 13:00"}]', "no such appointment"),
        ("  appointments: [{who: sean}]", "no such appointment"),
        ("  appointments: [{who: maria, status: cancelled}]", "no such appointment"),
        (f"  appointments: [{TRUE}]\n  texts: []", "texts went to"),
        (f"  appointments: [{TRUE}]\n  texts: [maria, maria]", "texts went to"),
        (f"  appointments: [{TRUE}]\n  outcome: caller", "outcome is agent"),
        (f"  appointments: [{TRUE}]\n  events: {{visit_confirmed: 1}}", "steps are"),
        (f"  appointments: [{TRUE}]\n  contact: {{maria: {{email: x@y.zz}}}}", "e-mail of maria"),
        (f"  appointments: [{TRUE}]\n  contact: {{maria: {{phone: '+1'}}}}", "number of maria"),
        (f"  appointments: [{TRUE}]\n  new_customers: [{{name: A B, phone: '1'}}]", "new custom"),
        (f"  appointments: [{TRUE}]\n  heard: [unicorn]", "never heard"),
        (f"  appointments: [{TRUE}]\n  never_heard: [is booked]", "was heard"),
        (f"  appointments: [{TRUE}]\n  tools: [cancel_appointment]", "was not used"),
        (f"  appointments: [{TRUE}]\n  never_tools: [end_call]", "was used"),
    ],
)
async def test_what_is_not_as_wanted_is_told(shop: VirtualShop, end: str, problem: str) -> None:
    played = await play_one(shop, parse_script("wrong", CALL + end))
    assert any(problem in text for text in played.problems), played.problems


async def test_what_is_as_wanted_is_no_problem(shop: VirtualShop) -> None:
    end = f"  appointments: [{TRUE}]\n  texts: [maria]\n  outcome: agent\n  heard: [is booked]"
    assert (await play_one(shop, parse_script("right", CALL + end))).problems == ()


async def test_a_call_that_ends_too_early_is_told(shop: VirtualShop) -> None:
    text = CALL.replace("  - say: Yes.\n", "  - say: Yes.\n  - say: Goodbye.\n")
    played = await play_one(shop, parse_script("early", text + "  outcome: agent"))
    assert "the call ended before: say No, that's all. Goodbye." in played.problems
