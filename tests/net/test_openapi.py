"""Every route is described, every described route exists, and the page needs no network."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from aiohttp import web

from tests.net.rig import running
from voicecore.net.docs_page import render
from voicecore.net.openapi import openapi


def routes_of(app: web.Application) -> set[tuple[str, str]]:
    """Method and path of every route, but for the HEAD that comes with each GET."""
    return {
        (route.method.lower(), resource.canonical)
        for resource in app.router.resources()
        for route in resource
        if route.method != "HEAD"
    }


async def test_the_description_and_the_routes_are_the_same(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        described = {
            (method, path)
            for path, operations in openapi()["paths"].items()
            for method in operations
        }
        assert described == routes_of(rig.runner.app)
        async with rig.http.get(f"{rig.url}/openapi.json") as response:
            assert response.status == 200
            assert await response.json() == openapi()


def test_every_operation_says_what_it_takes_and_answers() -> None:
    tags = {tag["name"] for tag in openapi()["tags"]}
    for path, operations in openapi()["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"] and set(operation["tags"]) <= tags, path
            assert all(answer["description"] for answer in operation["responses"].values())
            assert all(re.fullmatch(r"[1-5][0-9]{2}", status) for status in operation["responses"])
            if method == "post":
                assert operation["security"] == [{"twilio": []}], path
                assert {"400", "403"} <= operation["responses"].keys()
                (body,) = operation["requestBody"]["content"].values()
                assert set(body["schema"]["required"]) <= body["schema"]["properties"].keys()


class Elements(HTMLParser):
    """Collects what a page would load, and whether its elements are closed."""

    VOID = frozenset({"meta", "link", "br", "img", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        named = dict(attrs)
        if tag in ("script", "link", "img", "iframe", "object") or "src" in named:
            self.loads.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


async def test_the_page_shows_all_routes_and_loads_nothing(redis_url: str) -> None:
    async with (
        running(redis_url, clips=False) as rig,
        rig.http.get(f"{rig.url}/docs") as response,
    ):
        assert response.status == 200 and response.content_type == "text/html"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        page = await response.text()
    elements = Elements()
    elements.feed(page)
    assert elements.open == [] and elements.loads == []
    assert "http://" not in page and "https://" not in page and "@import" not in page
    for path in openapi()["paths"]:
        assert path in elements.text


def test_what_a_description_holds_is_text_on_the_page() -> None:
    description = openapi()
    description["info"]["description"] = "<script>alert(1)</script> `<b>`"
    page = render(description)
    assert "<script>" not in page and "<code>&lt;b&gt;</code>" in page
