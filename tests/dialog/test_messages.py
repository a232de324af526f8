from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog.messages import history_messages
from voicecore.sandbox.openai_requests import check_request


def tool(turn: int, call_id: str, arguments: str = "{}") -> ToolUsed:
    return ToolUsed(turn, call_id, "end_call", arguments, '{"status": "ending"}', ok=True)


def test_words_and_tools_stand_in_order() -> None:
    messages = history_messages(
        (
            AgentSaid(0, "Hello.", complete=True),
            CallerSaid(1, "Hi."),
            AgentSaid(1, "Let me look.", complete=True),
            tool(1, "a", '{"x": 1}'),
            tool(1, "b"),
            AgentSaid(1, "Found you", complete=False),
            CallerSaid(2, "Wait."),
        )
    )
    assert [message["role"] for message in messages] == [
        *("assistant", "user", "assistant", "assistant", "tool", "assistant", "tool"),
        *("assistant", "user"),
    ]
    assert messages[3]["tool_calls"][0]["function"]["arguments"] == '{"x": 1}'
    assert messages[4] == {"role": "tool", "tool_call_id": "a", "content": '{"status": "ending"}'}
    assert messages[7]["content"] == "Found you (interrupted)"


def test_pieces_of_one_turn_are_one_message_and_nothing_heard_is_none() -> None:
    messages = history_messages(
        (
            CallerSaid(1, "Yes."),
            CallerSaid(2, "Please."),
            AgentSaid(2, "", complete=False),
            AgentSaid(2, "One.", complete=True),
            AgentSaid(2, "Two", complete=False),
        )
    )
    assert [message["content"] for message in messages] == [
        "Yes. Please.",
        "One. Two (interrupted)",
    ]


def test_arguments_that_are_no_object_are_left_out() -> None:
    for arguments in ("", "[1]", '{"a', "null"):
        call = history_messages((tool(1, "a", arguments),))[0]["tool_calls"][0]
        assert call["function"]["arguments"] == "{}"


ITEMS = st.one_of(
    st.builds(CallerSaid, st.integers(1, 9), st.text(max_size=8)),
    st.builds(AgentSaid, st.integers(0, 9), st.text(max_size=8), st.booleans()),
    st.builds(
        ToolUsed,
        st.integers(1, 9),
        st.sampled_from(["a", "b", "c"]),
        st.just("end_call"),
        st.text(max_size=8),
        st.just("{}"),
        st.booleans(),
    ),
)


@given(st.lists(ITEMS, max_size=30))
@settings(max_examples=150)
def test_every_history_is_one_that_the_vendor_accepts(history: list[HistoryItem]) -> None:
    messages = [{"role": "system", "content": "x"}, *history_messages(history)]
    check_request({"model": "gpt-4o", "messages": messages}, ["gpt-4o"])
