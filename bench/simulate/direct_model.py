"""The stand-in model without a socket: its request check and its policies, asked directly.

A call in virtual time asks it thousands of times; everything that the server would refuse is
refused here as well, and counted.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import orjson

from voicecore.call.events import Finish
from voicecore.dialog.llm_request import LlmRequest
from voicecore.errors import LlmError
from voicecore.net.llm import Finished, LlmDelta, LlmStream, TextDelta, ToolCallReady
from voicecore.net.llm_attempt import AttemptSink
from voicecore.sandbox.openai_misbehaving import Policy
from voicecore.sandbox.openai_policy import decide
from voicecore.sandbox.openai_reply import tokens
from voicecore.sandbox.openai_requests import RequestError, check_request

MODEL = "gpt-4o"
_FINISHES = {
    "stop": Finish.STOP,
    "tool_calls": Finish.TOOL_CALLS,
    "length": Finish.LENGTH,
    "content_filter": Finish.CONTENT_FILTER,
}


class DirectModel(LlmStream):
    """Answers by `policy`; `rejected` keeps why requests were refused."""

    def __init__(self, policy: Policy = decide) -> None:
        # No client is made: there is nothing to connect to.
        self.policy = policy
        self.requests = 0
        self.rejected: list[str] = []

    def begin(self) -> None:
        """Forget the call before: ids count from one again."""
        self.requests = 0
        self.rejected.clear()

    async def aclose(self) -> None:
        """Nothing is open."""

    async def warm(self) -> bool:
        """Nothing is to be opened."""
        return True

    async def stream(
        self,
        request: LlmRequest,
        model: str | None = None,
        *,
        on_attempt: AttemptSink = lambda attempt: None,
    ) -> AsyncGenerator[LlmDelta, None]:
        """Yield the answer as the client of a server would.

        Raises:
            LlmError: the vendor would refuse the request.
        """
        self.requests += 1
        body = {"model": model or MODEL, "messages": request.messages}
        if request.tools:
            body["tools"] = request.tools
        try:
            checked = check_request(orjson.loads(orjson.dumps(body)), (MODEL,))
        except RequestError as error:
            self.rejected.append(error.message)
            raise LlmError(error.message, retryable=False, status=error.status) from error
        reply = self.policy(checked["messages"], checked.get("tools", []))
        for piece in tokens(reply.text):
            yield TextDelta(piece)
        for place, call in enumerate(reply.calls):
            yield ToolCallReady(f"call_{self.requests:06d}{place}", call.name, call.json)
        finish = _FINISHES[reply.finish]
        if finish is Finish.STOP and not reply.text.strip():
            raise LlmError("empty answer", retryable=True)
        yield Finished(finish, None)
