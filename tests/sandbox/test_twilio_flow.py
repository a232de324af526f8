"""What follows what on a call: documents, verbs and their actions, fallbacks and refusals.

Source: Twilio, TwiML for Programmable Voice; error and warning dictionary.
"""

from __future__ import annotations

from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from tests.sandbox.agents import (
    CONNECT,
    PUBLIC,
    STREAM,
    TONE,
    Agent,
    Socket,
    codes,
    documents,
    eventually,
    hang_up_after,
    listen_only,
    place,
    response,
    serve,
)
from voicecore.sandbox.twilio import TwilioSandbox
from voicecore.sandbox.twilio_call import CallStatus, DialResult
from voicecore.sandbox.twilio_stream import StreamEnd
from voicecore.sandbox.voice import Speech


@pytest.mark.parametrize(
    ("after", "paths", "said", "dialed"),
    [
        ("", [], [], []),
        ("<Say>Sorry.</Say><Dial>+15550111</Dial>", [], ["Sorry."], ["+15550111"]),
        (
            "<Dial action='/dialed'><Number>+15550111</Number></Dial>",
            ["/dialed"],
            [],
            ["+15550111"],
        ),
        ("<Redirect>/dialed</Redirect>", ["/dialed"], [], []),
        ("<Hangup/><Say>never</Say>", [], [], []),
        ("<Pause length='0'/><Reject/>", [], [], []),
    ],
)
async def test_a_closed_socket_leads_to_the_next_verb(
    twilio: TwilioSandbox, after: str, paths: list[str], said: list[str], dialed: list[str]
) -> None:
    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            await socket.ws.close()

    first = response(f"<Connect>{STREAM}</Connect>{after}")
    async with serve(Agent(talk, documents(first, dialed=response("<Hangup/>")))) as agent:
        call = await place(twilio, agent)
        assert await call.ended(5) is CallStatus.COMPLETED
    assert agent.paths() == ["/incoming-call", *paths]
    assert (call.said, call.dialed) == (said, dialed)
    assert call.streams[0].end is StreamEnd.SERVER_CLOSED


async def test_the_connect_action_brings_the_next_document(twilio: TwilioSandbox) -> None:
    """Source: Twilio, TwiML Connect: the action is asked when the stream has ended."""

    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "start" and len(agent.sockets) == 1:
            await socket.play(TONE * 50)
            await socket.ws.close(code=1011)
        elif message["event"] == "start":
            await socket.play(TONE, "1:0")

    first = response(f"<Connect action='/resume?n=1'>{STREAM}</Connect><Say>unused</Say>")
    agent = Agent(talk, documents(first, resume=CONNECT))
    async with serve(agent):
        call = await place(twilio, agent)
        await eventually(lambda: call.record.echoes)
        await hang_up_after(call, 0)
    _, path, params, headers = agent.requests[1]
    assert path == "/resume?n=1"
    assert params["CallStatus"] == "in-progress"
    assert RequestValidator(twilio.auth_token).validate(
        f"{PUBLIC}{path}", params, headers["X-Twilio-Signature"]
    )
    one, two = call.streams
    assert one.stream_sid != two.stream_sid
    assert one.close_code == 1011
    assert call.said == []
    assert one.playout is not None
    assert one.playout.discarded, "what was queued dies with its stream"


async def test_another_server_can_take_over_a_call(twilio: TwilioSandbox) -> None:
    async def die(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            call.reroute(second.url)
            await socket.ws.close()

    documents_one = documents(response(f"<Connect action='/resume'>{STREAM}</Connect>"))
    second = Agent(listen_only, documents(resume=CONNECT))
    async with serve(Agent(die, documents_one)) as one, serve(second):
        call = await place(twilio, one)
        await eventually(lambda: second.sockets and second.sockets[0].events("media"))
        await hang_up_after(call, 0)
    assert second.paths() == ["/resume"]


@pytest.mark.parametrize(
    ("document", "content_type", "expected"),
    [
        (response("<Connect><Stream url='ws://agent.example.com/media'/></Connect>"), "text/xml",
         [31922]),
        (response("<Connect><Stream url='wss://agent.example.com/media?x=1'/></Connect>"),
         "text/xml", [31920]),
        (response("<Connect><Stream url='wss://elsewhere.example.com/media'/></Connect>"),
         "text/xml", [11205]),
        (response("<Connect/>"), "text/xml", [12200]),
        ("", "text/xml", [12100]),
        ("{}", "application/json", [12300]),
        (response("<Redirect>/incoming-call</Redirect>"), "text/xml", [11200]),
        (response("<Redirect>/nowhere</Redirect>"), "text/xml", [11200]),
    ],
)  # fmt: skip
async def test_documents_that_twilio_would_not_run(
    twilio: TwilioSandbox, document: str, content_type: str, expected: list[int]
) -> None:
    agent = Agent(listen_only, documents(document), content_type=content_type)
    async with serve(agent):
        call = await place(twilio, agent)
        await call.ended(5)
    assert codes(call) == expected
    assert len(agent.requests) <= 20


async def test_the_fallback_is_told_what_went_wrong(twilio: TwilioSandbox) -> None:
    async with serve(Agent(listen_only, {"/fallback": response("<Say>Sorry.</Say>")})) as agent:
        call = await place(twilio, agent, fallback_url="/fallback")
        assert await call.ended(5) is CallStatus.COMPLETED
    assert agent.requests[1][2]["ErrorCode"] == "11200"
    assert agent.requests[1][2]["ErrorUrl"] == f"{PUBLIC}/incoming-call"
    assert call.said == ["Sorry."]


async def test_a_server_that_does_not_answer_in_time_loses_the_call() -> None:
    async with (
        TwilioSandbox(answer_s=0.1) as twilio,
        serve(Agent(listen_only, documents(), answer_s=0.5)) as agent,
    ):
        call = await place(twilio, agent)
        assert await call.ended(5) is CallStatus.FAILED
    assert codes(call) == [11205]


async def test_a_rejected_call_is_never_answered(twilio: TwilioSandbox) -> None:
    document = response("<Reject reason='busy'/>")
    async with serve(Agent(listen_only, documents(document))) as agent:
        call = await place(twilio, agent, status_callback="/status")
        assert await call.ended(5) is CallStatus.BUSY
        assert call.answered_s is None
        await eventually(lambda: "/status" in agent.paths())
    assert agent.requests[-1][2]["CallStatus"] == "busy"


async def test_a_dial_reports_how_it_ended(twilio: TwilioSandbox) -> None:
    twilio.dial_results["+15550111"] = DialResult(status="no-answer", talk_s=0.05)
    first = response("<Dial action='/dialed'>+15550111</Dial>")
    async with serve(Agent(listen_only, documents(first, dialed=response("<Hangup/>")))) as agent:
        call = await place(twilio, agent)
        await call.ended(5)
    assert agent.requests[1][2]["DialCallStatus"] == "no-answer"


async def test_say_is_heard_when_the_sandbox_has_a_voice() -> None:
    class Tone:
        def synthesize(self, text: str) -> Speech:
            return Speech(text, TONE * len(text), ())

    async with (
        TwilioSandbox(say_voice=Tone()) as twilio,
        serve(Agent(listen_only, documents(response("<Say>Hello</Say>")))) as agent,
    ):
        call = await place(twilio, agent)
        await call.ended(5)
    assert call.record.heard().count(TONE * 5) == 1


async def test_stream_events_are_reported(twilio: TwilioSandbox) -> None:
    stream = STREAM.replace("<Stream ", "<Stream statusCallback='/events' name='n' ")
    async with serve(
        Agent(listen_only, documents(response(f"<Connect>{stream}</Connect>")))
    ) as agent:
        call = await place(twilio, agent)
        await hang_up_after(call, 0.2)
    events = [params["StreamEvent"] for _, path, params, _ in agent.requests if path == "/events"]
    assert events == ["stream-started", "stream-stopped"]


async def test_a_caller_can_hang_up_before_the_answer(twilio: TwilioSandbox) -> None:
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent)
        call.line.hang_up()
        assert await call.ended(5) is CallStatus.NO_ANSWER
    assert call.streams == []
