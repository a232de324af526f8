"""Refuses a chat request that OpenAI would refuse, with its status and error body.

Source: OpenAI, API reference - Chat - Create chat completion; Function calling - Strict mode.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
MOST_TOOLS = 128
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})

Json = Mapping[str, Any]


@dataclass(eq=False)
class RequestError(Exception):
    """A refusal as the vendor words it."""

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    kind: str = "invalid_request_error"

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the response."""
        return {
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        }


def check_request(body: object, models: Sequence[str]) -> dict[str, Any]:
    """Return the request's body once everything in it is as the vendor wants it.

    Raises:
        RequestError: naming the first thing that is wrong.
    """
    if not isinstance(body, dict):
        raise RequestError(400, "We could not parse the JSON body of your request.")
    _check_model(body.get("model"), models)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestError(400, "Missing required parameter: 'messages'.", "messages")
    for at, message in enumerate(messages):
        _check_message(message, f"messages.[{at}]")
    _check_answers(messages)
    if "tools" in body:
        _check_tools(body["tools"])
    if "stream_options" in body and body.get("stream") is not True:
        text = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise RequestError(400, text, "stream_options")
    _check_sampling(body)
    return body


def _check_model(model: object, models: Sequence[str]) -> None:
    if not isinstance(model, str) or not model:
        raise RequestError(400, "you must provide a model parameter")
    if model not in models:
        text = f"The model `{model}` does not exist or you do not have access to it."
        raise RequestError(404, text, None, "model_not_found")


def _check_message(message: object, where: str) -> None:
    if not isinstance(message, dict):
        raise RequestError(400, f"Invalid type for '{where}': expected an object.", where)
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or role not in ROLES:
        text = f"Invalid value: '{role}'. Supported values are: {', '.join(sorted(ROLES))}."
        raise RequestError(400, text, f"{where}.role", "invalid_value")
    calls = message.get("tool_calls")
    if content is None and not (role == "assistant" and calls):
        text = f"Invalid value for 'content': expected a string, got null ({where})."
        raise RequestError(400, text, f"{where}.content")
    if content is not None and not isinstance(content, str | list):
        raise RequestError(400, f"Invalid type for '{where}.content'.", f"{where}.content")
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        text = (
            f"Missing parameter 'tool_call_id': messages with role 'tool' must have it ({where})."
        )
        raise RequestError(400, text, f"{where}.tool_call_id")
    if calls is not None:
        _check_calls(calls, f"{where}.tool_calls")


def _check_calls(calls: object, where: str) -> None:
    if not isinstance(calls, list) or not calls:
        raise RequestError(400, f"Invalid '{where}': empty array.", where, "empty_array")
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        named = isinstance(call, dict) and isinstance(call.get("id"), str) and call["id"]
        if not isinstance(function, dict) or not named or call.get("type") != "function":
            raise RequestError(400, f"Missing required parameter in '{where}'.", where)
        name = function.get("name")
        if not isinstance(function.get("arguments"), str) or not (isinstance(name, str) and name):
            raise RequestError(400, f"Invalid type for '{where}.function'.", where)


def _check_answers(messages: Sequence[Json]) -> None:
    """Every tool call must be answered right behind it, and every answer must have its call."""
    open_ids: set[str] = set()
    for at, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_ids:
                text = (
                    "Invalid parameter: messages with role 'tool' must be a response to a "
                    "preceeding message with 'tool_calls'."
                )
                raise RequestError(400, text, f"messages.[{at}].role")
            open_ids.discard(message["tool_call_id"])
            continue
        _check_none_open(open_ids, at)
        open_ids = {call["id"] for call in message.get("tool_calls") or ()}
    _check_none_open(open_ids, len(messages))


def _check_none_open(open_ids: set[str], at: int) -> None:
    if open_ids:
        text = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            + ", ".join(sorted(open_ids))
        )
        raise RequestError(400, text, f"messages.[{at}].role")


def _check_tools(tools: object) -> None:
    if not isinstance(tools, list) or not tools:
        text = "Invalid 'tools': empty array. Expected an array with minimum length 1."
        raise RequestError(400, text, "tools", "empty_array")
    if len(tools) > MOST_TOOLS:
        raise RequestError(400, "Invalid 'tools': array too long.", "tools")
    for at, tool in enumerate(tools):
        where = f"tools[{at}].function"
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            raise RequestError(400, f"Missing required parameter: '{where}'.", where)
        if not _TOOL_NAME.fullmatch(str(function.get("name", ""))):
            text = f"Invalid '{where}.name': string does not match pattern."
            raise RequestError(400, text, f"{where}.name", "invalid_value")
        _check_schema(function, where)


def _check_schema(function: Json, where: str) -> None:
    schema = function.get("parameters")
    if schema is None and not function.get("strict"):
        return
    if not isinstance(schema, dict) or schema.get("type") != "object":
        text = f"Invalid schema for function '{function['name']}': schema must be of type 'object'."
        raise RequestError(400, text, f"{where}.parameters", "invalid_function_parameters")
    problem = _schema_problem(schema, strict=bool(function.get("strict")))
    if problem:
        text = f"Invalid schema for function '{function['name']}': {problem}."
        raise RequestError(400, text, f"{where}.parameters", "invalid_function_parameters")


def _schema_problem(schema: Json, *, strict: bool) -> str:
    types = schema.get("type")
    names = types if isinstance(types, list) else [types]
    if types is not None and not all(isinstance(name, str) and name in _TYPES for name in names):
        return f"{types!r} is not valid under any of the given schemas"
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        return "'properties' must be an object"
    if strict and "object" in names:
        if schema.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false"
        required = schema.get("required")
        if not isinstance(required, list) or sorted(map(str, required)) != sorted(properties):
            return "'required' must include every key in properties"
    problems = (
        _schema_problem(part, strict=strict)
        for part in properties.values()
        if isinstance(part, dict)
    )
    return next((problem for problem in problems if problem), "")


def _check_sampling(body: Json) -> None:
    temperature = body.get("temperature")
    if temperature is not None and not (
        isinstance(temperature, int | float) and 0 <= temperature <= 2
    ):
        raise RequestError(400, "Invalid 'temperature': must be from 0 to 2.", "temperature")
    if "max_tokens" in body and "max_completion_tokens" in body:
        text = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise RequestError(400, text, "max_tokens")
    for name in ("max_tokens", "max_completion_tokens"):
        limit = body.get(name)
        if limit is not None and (not isinstance(limit, int) or limit < 1):
            raise RequestError(400, f"Invalid '{name}': must be at least 1.", name)
