from __future__ import annotations

import pytest

from bench.simulate.direct_model import DirectModel
from voicecore.call.events import Finish
from voicecore.dialog.llm_request import LlmRequest
from voicecore.errors import LlmError
from voicecore.net.llm import Finished, TextDelta, ToolCallReady
from voicecore.sandbox.openai_reply import Reply, ToolCall

ASKED = [{"role": "user", "content": "Hello."}]


async def test_it_answers_in_deltas_as_a_server_would() -> None:
    model = DirectModel(lambda messages, tools: Reply("Hi there.", (ToolCall("end_call"),)))
    deltas = [delta async for delta in model.stream(LlmRequest(ASKED, []))]
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    assert text == "Hi there."
    assert ToolCallReady("call_0000010", "end_call", "{}") in deltas
    assert deltas[-1] == Finished(Finish.TOOL_CALLS, None)
    assert await model.warm()
    await model.aclose()


async def test_it_refuses_what_the_vendor_would_refuse() -> None:
    model = DirectModel()
    call = {"id": "a", "type": "function", "function": {"name": "x", "arguments": "{}"}}
    open_call = {"role": "assistant", "content": None, "tool_calls": [call]}
    with pytest.raises(LlmError) as caught:
        _ = [delta async for delta in model.stream(LlmRequest([*ASKED, open_call], []))]
    assert caught.value.status == 400
    assert "did not have response messages" in model.rejected[0]
    model.begin()
    assert model.rejected == []


async def test_an_empty_answer_is_a_failure() -> None:
    model = DirectModel(lambda messages, tools: Reply(""))
    with pytest.raises(LlmError, match="empty"):
        _ = [delta async for delta in model.stream(LlmRequest(ASKED, []))]
