"""The consent flow against the stand-in, with a browser that is an HTTP client."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from scheduler.calendar_login import (
    CalendarToken,
    LoginError,
    OAuthClient,
    log_in,
    write_token,
)
from scheduler.calendar_trouble import SCOPE
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from voicecore.sandbox.google import GoogleSandbox


@pytest.fixture
def client(google: GoogleSandbox) -> OAuthClient:
    return OAuthClient(
        client_id=google.client_id,
        client_secret=google.client_secret,
        auth_url=google.auth_url,
        token_url=google.token_url,
    )


async def press(address: str, decision: str, **changes: str) -> int:
    """Open the address, press a button, follow the browser back; return the last status."""
    target = urlsplit(address)
    form = {name: values[0] for name, values in parse_qs(target.query).items()}
    page = target._replace(query="").geturl()
    async with (
        aiohttp.ClientSession() as session,
        session.post(page, data={**form, **changes, "decision": decision}) as response,
    ):
        await response.read()
        return response.status


async def login(client: OAuthClient, browse: Callable[[str], Any], **options: Any) -> CalendarToken:
    """Log in, with `browse(address)` as the person."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        going = tasks.create_task(_caught(log_in(client, announce=address.set_result, **options)))
        await browse(await address)
    found = going.result()
    if isinstance(found, LoginError):
        raise found
    return found


async def _caught(flow: Any) -> CalendarToken | LoginError:
    try:
        token = await flow
    except LoginError as error:
        return error
    assert isinstance(token, CalendarToken)
    return token


async def test_consent_leaves_a_file_that_opens_the_calendar(
    google: GoogleSandbox, client: OAuthClient, access: CalendarAccess, tmp_path: Path
) -> None:
    token = await login(client, lambda address: press(address, "allow"))
    path = tmp_path / "token.json"
    path.write_text("an older one, for all to read")
    path.chmod(0o644)
    write_token(path, token)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert json.loads(path.read_text())["scope"] == SCOPE
    assert token.refresh_token not in repr(token)
    google.oauth.expire_access_tokens()
    async with GoogleCalendar(replace(access, refresh_token="", token_file=str(path))) as calendar:
        assert await calendar.get("none0") is None


async def test_the_address_carries_state_and_challenge_and_asks_for_a_lasting_token(
    client: OAuthClient,
) -> None:
    seen: list[dict[str, list[str]]] = []

    async def browse(address: str) -> None:
        seen.append(parse_qs(urlsplit(address).query))
        await press(address, "allow")

    await login(client, browse)
    await login(client, browse)
    first, second = seen
    assert first["redirect_uri"][0].startswith("http://127.0.0.1:")
    assert first["code_challenge_method"] == ["S256"]
    assert (first["access_type"], first["prompt"]) == (["offline"], ["consent"])
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


async def test_a_forged_answer_is_refused_and_the_right_one_still_counts(
    client: OAuthClient,
) -> None:
    async def browse(address: str) -> None:
        assert await press(address, "allow", state="forged") == 400
        assert await press(address, "allow") == 200

    assert (await login(client, browse)).scope == SCOPE


@pytest.mark.parametrize(
    ("decision", "changes", "says"),
    [
        ("deny", {}, "access_denied"),
        ("allow", {"scope": SCOPE + ".readonly"}, "without the scope"),
        ("allow", {"access_type": "online"}, "no refresh token"),
        ("allow", {"code_challenge": "x" * 43}, "invalid_grant"),
    ],
)
async def test_what_leads_to_no_token_is_said(
    client: OAuthClient, decision: str, changes: dict[str, str], says: str
) -> None:
    with pytest.raises(LoginError, match=says):
        await login(client, lambda address: press(address, decision, **changes))


async def test_a_wrong_secret_a_dead_endpoint_and_nobody_at_all_are_said(
    client: OAuthClient,
) -> None:
    for wrong, says in (
        (replace(client, client_secret="wrong"), "GOOGLE_CLIENT_SECRET"),
        (replace(client, token_url="http://127.0.0.1:9/token"), "ClientConnectorError"),
    ):
        with pytest.raises(LoginError, match=says):
            await login(wrong, lambda address: press(address, "allow"))
    with pytest.raises(LoginError, match="nobody consented"):
        await log_in(client, announce=lambda _: None, wait_s=0.05)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LoginError, match="cannot write"):
        write_token(tmp_path / "none" / "token.json", CalendarToken("1//x", SCOPE))
