"""OpenAI's chat completions on loopback, with a small model of its own and faults to order.

Source: OpenAI, API reference - Chat (streaming), Models, Error codes.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from aiohttp import web

from voicecore.sandbox.openai_policy import decide
from voicecore.sandbox.openai_prompt_cache import PromptCache
from voicecore.sandbox.openai_reply import Reply, ToolCall, chunk, completion, deltas, usage
from voicecore.sandbox.openai_requests import Json, RequestError, check_request

MODELS = ("gpt-4o", "gpt-4o-mini")
CREATED = 1_790_000_000
_MOST_BODY_BYTES = 4 * 1024 * 1024
_NONSENSE = "Blorp zanzibar quux; the the lamp of of Tuesday sings {{7*7}} mauve.\n\n* * *"
_HANG_S = 120.0
_STATUS_ERRORS = {
    429: ("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request.", "server_error", None),
    503: ("The server is overloaded or not ready yet.", "server_error", "server_is_overloaded"),
}

Policy = Callable[[Sequence[Json], Sequence[Json]], Reply]


class Fault(StrEnum):
    """What can go wrong with one answer after its 200 status."""

    ERROR_IN_STREAM = "error_in_stream"
    """An error object where a chunk should be, after half of the answer."""
    ERROR_AT_START = "error_at_start"
    """The same in place of the first content."""
    CUT = "cut"
    """The connection drops after half of the answer."""
    CUT_AT_START = "cut_at_start"
    """The connection drops behind the role chunk."""
    NO_FINISH = "no_finish"
    """The body ends properly, but without `finish_reason` and `[DONE]`."""
    MALFORMED_ARGUMENTS = "malformed_arguments"
    """A tool call whose arguments are not JSON."""
    INVENTED_FIELDS = "invented_fields"
    """A tool call with a field that its schema does not have."""
    NONSENSE = "nonsense"
    """Words without meaning."""
    GARBAGE = "garbage"
    """A chunk that is not JSON."""
    HANG = "hang"
    """Headers, then nothing."""
    HANG_BEFORE = "hang_before"
    """Not even headers."""
    REFUSAL = "refusal"
    """The model declines."""
    LENGTH = "length"
    """The answer stops at the token limit."""
    CONTENT_FILTER = "content_filter"
    """The answer is withheld."""


@dataclass(frozen=True, slots=True)
class StatusFault:
    """A response with an error status; `code` as in the vendor's error body."""

    status: int
    code: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Counters:
    """What happened so far."""

    connections: int = 0
    models_listed: int = 0
    requests: int = 0
    rejected: int = 0
    answered: int = 0
    aborted: int = 0
    faults: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class OpenAiSandbox:
    """Serves `base_url`; the answers come from `policy`.

    Knobs: `first_token_delay_s`, `token_delay_s`, `bytes_per_write` (cuts the stream anywhere,
    also within a character), `comments`, `fail_next`, `break_next`, `policy`. `requests` keeps the
    body of every accepted request.
    """

    def __init__(
        self,
        *,
        api_key: str = "sk-sandbox",
        models: Sequence[str] = MODELS,
        policy: Policy = decide,
        first_token_delay_s: float = 0.0,
        token_delay_s: float = 0.0,
    ) -> None:
        self.api_key = api_key
        self.models = tuple(models)
        self.policy = policy
        self.first_token_delay_s = first_token_delay_s
        self.token_delay_s = token_delay_s
        self.bytes_per_write = 0
        self.comments = False
        self.counters = Counters()
        self.requests: list[dict[str, Any]] = []
        self._faults: deque[Fault | StatusFault] = deque()
        self._prompt_cache = PromptCache()
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._known: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    # --- running -----------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        app = web.Application(middlewares=[self._errors], client_max_size=_MOST_BODY_BYTES)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_get("/v1/models/{model}", self._get_model)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the socket and whatever is still being answered."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> OpenAiSandbox:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def base_url(self) -> str:
        """What goes into `OPENAI_BASE_URL`."""
        return f"http://127.0.0.1:{self._port}/v1"

    # --- faults ------------------------------------------------------------------------------

    def fail_next(
        self,
        count: int,
        status: int,
        *,
        code: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Answer the next `count` requests with an error status."""
        self._faults.extend([StatusFault(status, code, tuple(headers))] * count)

    def break_next(self, fault: Fault, count: int = 1) -> None:
        """Let `fault` happen to the next `count` answers, behind faults already ordered."""
        self._faults.extend([fault] * count)

    # --- handlers ----------------------------------------------------------------------------

    @web.middleware
    async def _errors(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.transport is not None and request.transport not in self._known:
            self._known.add(request.transport)
            self.counters.connections += 1
        try:
            self._check_key(request)
            response: web.StreamResponse = await handler(request)
        except RequestError as error:
            self.counters.rejected += 1
            return web.json_response(error.body(), status=error.status, headers=self._ids())
        return response

    def _check_key(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "")
        if not given:
            text = "You didn't provide an API key."
            raise RequestError(401, text)
        if not hmac.compare_digest(given.encode(), f"Bearer {self.api_key}".encode()):
            raise RequestError(401, "Incorrect API key provided.", None, "invalid_api_key")

    def _ids(self) -> dict[str, str]:
        return {"x-request-id": f"req_{self.counters.requests:08d}"}

    async def _list_models(self, request: web.Request) -> web.Response:
        self.counters.models_listed += 1
        data = [self._model(name) for name in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _get_model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        if name not in self.models:
            raise RequestError(
                404, f"The model '{name}' does not exist", "model", "model_not_found"
            )
        return web.json_response(self._model(name))

    @staticmethod
    def _model(name: str) -> dict[str, object]:
        return {"id": name, "object": "model", "created": CREATED, "owned_by": "sandbox"}

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.counters.requests += 1
        try:
            raw = json.loads(await request.read())
        except ValueError as error:
            text = "We could not parse the JSON body of your request."
            raise RequestError(400, text) from error
        body = check_request(raw, self.models)
        fault = self._faults.popleft() if self._faults else None
        self.counters.faults += fault is not None
        if isinstance(fault, StatusFault):
            return self._failure(fault)
        self.requests.append(body)
        reply = self._reply(body, fault)
        if fault is Fault.HANG_BEFORE:
            await asyncio.sleep(_HANG_S)
        if not body.get("stream"):
            counted = usage(*self._prompt_cache.look_up(body), reply)
            answer = completion(
                self._completion_id, CREATED, body["model"], reply, counted, self.counters.requests
            )
            self.counters.answered += 1
            return web.json_response(answer, headers=self._ids())
        return await self._stream(request, body, reply, fault)

    @property
    def _completion_id(self) -> str:
        return f"chatcmpl-{self.counters.requests:08d}"

    def _failure(self, fault: StatusFault) -> web.Response:
        text, kind, code = _STATUS_ERRORS.get(fault.status, ("Error.", "server_error", None))
        code = fault.code or code
        kind = code if code == "insufficient_quota" else kind
        error = RequestError(fault.status, text, None, code, str(kind))
        headers = {**self._ids(), **dict(fault.headers)}
        return web.json_response(error.body(), status=fault.status, headers=headers)

    def _reply(self, body: dict[str, Any], fault: Fault | None) -> Reply:
        tools = [] if body.get("tool_choice") == "none" else body.get("tools", [])
        reply = self.policy(body["messages"], tools)
        match fault:
            case Fault.MALFORMED_ARGUMENTS:
                call = reply.calls[0] if reply.calls else ToolCall("end_call")
                return Reply(reply.text, (replace(call, raw_arguments='{"phone": "three one'),))
            case Fault.INVENTED_FIELDS:
                return replace(
                    reply,
                    calls=tuple(
                        replace(call, arguments={**call.arguments, "customer_id": 1})
                        for call in reply.calls
                    ),
                )
            case Fault.NONSENSE:
                return Reply(_NONSENSE)
            case Fault.REFUSAL:
                return Reply(refusal="I'm sorry, I can't help with that.")
            case Fault.LENGTH:
                return replace(reply, finish_reason="length")
            case Fault.CONTENT_FILTER:
                return Reply(finish_reason="content_filter")
        return reply

    # --- streaming ---------------------------------------------------------------------------

    async def _stream(
        self, request: web.Request, body: dict[str, Any], reply: Reply, fault: Fault | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=self._ids())
        response.content_type = "text/event-stream"
        response.charset = "utf-8"
        try:
            await response.prepare(request)
            if fault is Fault.HANG:
                await asyncio.sleep(_HANG_S)
            await self._send_answer(request, response, body, reply, fault)
        except (asyncio.CancelledError, ConnectionError):
            self.counters.aborted += 1
            raise
        return response

    async def _send_answer(
        self,
        request: web.Request,
        response: web.StreamResponse,
        body: dict[str, Any],
        reply: Reply,
        fault: Fault | None,
    ) -> None:
        options = body.get("stream_options") or {}
        with_usage = bool(options.get("include_usage"))

        def event(**parts: Any) -> dict[str, Any]:
            return chunk(
                self._completion_id,
                CREATED,
                body["model"],
                with_usage=with_usage,
                obfuscated=options.get("include_obfuscation", True),
                **parts,
            )

        pieces = list(deltas(reply, self.counters.requests))
        breaks_at = _break_position(fault, len(pieces))
        for at, delta in enumerate(pieces):
            if at == breaks_at and await self._break(request, response, fault):
                return
            if at > 0:
                await asyncio.sleep(self.first_token_delay_s if at == 1 else self.token_delay_s)
            await self._write(response, event(delta=delta))
        await self._write(response, event(delta={}, finish_reason=reply.finish))
        counted = usage(*self._prompt_cache.look_up(body), reply)
        if with_usage:
            await self._write(response, event(usage=counted))
        self.counters.answered += 1
        self.counters.prompt_tokens += counted["prompt_tokens"]
        self.counters.completion_tokens += counted["completion_tokens"]
        await self._write_bytes(response, b"data: [DONE]\n\n")
        await response.write_eof()

    async def _break(
        self, request: web.Request, response: web.StreamResponse, fault: Fault | None
    ) -> bool:
        """Do what `fault` asks for; returns whether the answer ends here."""
        if fault in (Fault.ERROR_IN_STREAM, Fault.ERROR_AT_START):
            error = RequestError(500, "The server had an error.", None, None, "server_error")
            await self._write(response, error.body())
            await response.write_eof()
        elif fault in (Fault.CUT, Fault.CUT_AT_START):
            if request.transport is not None:
                request.transport.abort()
        elif fault is Fault.NO_FINISH:
            await response.write_eof()
        elif fault is Fault.GARBAGE:
            await self._write_bytes(response, b"data: {this is not JSON\n\n")
            await response.write_eof()
        else:
            return False
        return True

    async def _write(self, response: web.StreamResponse, value: dict[str, Any]) -> None:
        if self.comments:
            await self._write_bytes(response, b": keep-alive\n\n")
        text = json.dumps(value, ensure_ascii=False)
        await self._write_bytes(response, f"data: {text}\n\n".encode())

    async def _write_bytes(self, response: web.StreamResponse, data: bytes) -> None:
        size = self.bytes_per_write or len(data)
        for start in range(0, len(data), size):
            await response.write(data[start : start + size])
            if self.bytes_per_write:
                await asyncio.sleep(0)


def _break_position(fault: Fault | None, pieces: int) -> int:
    """Return before which piece the answer breaks."""
    if fault in (Fault.ERROR_AT_START, Fault.CUT_AT_START):
        return 1
    return max(1, pieces // 2)
