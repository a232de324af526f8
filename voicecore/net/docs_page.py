"""`/docs`: the routes as one page that needs nothing from the network, made of the description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import orjson
from aiohttp import web

from voicecore.net.openapi import openapi

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0b6bcb; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; }
h2 { margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line); }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; }
summary { cursor: pointer; padding: .5rem .75rem; display: flex; flex-wrap: wrap; gap: .2rem .75rem;
  align-items: baseline; }
summary:hover { background: var(--soft); }
details > div { padding: 0 .75rem .75rem; overflow-x: auto; }
code { font: .9em ui-monospace, monospace; }
.verb { color: var(--accent); font-weight: 700; min-width: 3.2rem; }
.lock { margin-left: auto; opacity: .7; font-size: .85em; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { text-align: left; padding: .25rem .5rem; border-top: 1px solid var(--line);
  vertical-align: top; }
td:first-child { width: 14rem; }
"""
_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_DESCRIPTION = openapi()
_JSON = orjson.dumps(_DESCRIPTION, option=orjson.OPT_INDENT_2)


async def openapi_json(_request: web.Request) -> web.Response:
    """Answer `GET /openapi.json`."""
    return web.Response(body=_JSON, content_type="application/json")


async def docs(_request: web.Request) -> web.Response:
    """Answer `GET /docs`."""
    return web.Response(
        text=_PAGE, content_type="text/html", headers={"Content-Security-Policy": _CSP}
    )


def render(description: Mapping[str, Any]) -> str:
    """Return the page for an OpenAPI document."""
    info = description["info"]
    body = "".join(_sections(description))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: routes</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])}</h1><p>Version {escape(info['version'])} · "
        '<a href="/openapi.json">openapi.json</a></p>'
        f"<p>{_text(info['description'])}</p>{body}</body></html>"
    )


def _sections(description: Mapping[str, Any]) -> Iterator[str]:
    for tag in description["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2><p>{_text(tag['description'])}</p>"
        for path, operations in description["paths"].items():
            for method, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    yield _operation(path, method, operation)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    lock = '<span class="lock">signed by Twilio</span>' if operation.get("security") else ""
    return (
        f'<details><summary><code class="verb">{escape(method.upper())}</code>'
        f"<code>{escape(path)}</code> <span>{escape(operation['summary'])}</span>{lock}</summary>"
        f"<div><p>{_text(operation.get('description', ''))}</p>{_query(operation)}"
        f"{_form(operation)}{_answers(operation)}</div></details>"
    )


def _query(operation: Mapping[str, Any]) -> str:
    rows = [(entry["name"], entry["description"]) for entry in operation.get("parameters", ())]
    return _table("Query", rows)


def _form(operation: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    rows = []
    for body in content.values():
        schema = body["schema"]
        for name, field in schema["properties"].items():
            needed = "Required. " if name in schema["required"] else ""
            known = field.get("description") or field.get("pattern") or field.get("format") or ""
            choices = ", ".join(field.get("enum", ()))
            rows.append((name, f"{needed}{known or choices}".strip()))
    return _table("Form", rows)


def _answers(operation: Mapping[str, Any]) -> str:
    rows = [(status, answer["description"]) for status, answer in operation["responses"].items()]
    return _table("Answers", rows)


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_text(text)}</td></tr>"
        for name, text in rows
    )
    return (
        f"<table><thead><tr><th colspan=2>{title}</th></tr></thead><tbody>{cells}</tbody></table>"
    )


def _text(text: str) -> str:
    """Escape a text; what stands in backticks is code."""
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)
    )


_PAGE = render(_DESCRIPTION)
