"""Runs a call as Twilio does: fetch a document, carry out its verbs, fetch the next one.

Theory of operation. A document is a list of verbs. Each verb either ends (go on with the next
one), asks for another document (`<Redirect>`, an `action`), or ends the call. Between verbs, and
inside those that wait, the call may be disturbed: by a hang-up, which ends it, or by the REST
interface, which puts another document in place. The number of documents is bounded.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from urllib.parse import urljoin, urlsplit

import aiohttp

from voicecore.audio.mulaw import BYTES_PER_MS
from voicecore.sandbox.twilio_buffer import PlayoutModel
from voicecore.sandbox.twilio_call import (
    CallStatus,
    DialResult,
    Direction,
    DocumentSource,
    PlacedCall,
    VerbRun,
)
from voicecore.sandbox.twilio_dial import DialLeg
from voicecore.sandbox.twilio_gather import gather, record_message
from voicecore.sandbox.twilio_stream import MediaStream
from voicecore.sandbox.twilio_twiml import (
    DOCUMENT_PARSE,
    HTTP_RETRIEVAL,
    SCHEMA,
    TwimlDocument,
    TwimlError,
    TwimlProblem,
    Verb,
    number_of,
    read_twiml,
    stream_parameters,
    stream_problem,
)
from voicecore.sandbox.twilio_webhook import CONNECTION, WebhookError

MAX_DOCUMENTS = 20
"""Documents that one call may run through."""
CALLBACK_S = 5.0


class _End(Enum):
    CALL = "call"


_Step = DocumentSource | _End | None
"""What follows a verb: another document, the end of the call, or (None) the next verb."""


class CallFlow:
    """Takes one call from its first ring to its end."""

    def __init__(
        self,
        call: PlacedCall,
        session: aiohttp.ClientSession,
        *,
        dial_results: Mapping[str, DialResult],
        speak: Callable[[str], bytes] | None,
    ) -> None:
        self._call = call
        self._session = session
        self._dial_results = dial_results
        self._speak = speak
        self._url = call.plan.first.url
        self._line_task: asyncio.Task[None] | None = None
        self._events = 0
        self._verbs: dict[str, Callable[[Verb], Awaitable[_Step]]] = {
            "Connect": self._connect,
            "Say": self._say,
            "Play": self._pass,
            "Dial": self._dial,
            "Redirect": self._redirect,
            "Hangup": self._hangup,
            "Pause": self._pause,
            "Gather": self._gather,
            "Record": self._record,
        }

    async def run(self) -> None:
        """Run the call to its end; its status is final afterwards, even when cancelled."""
        call = self._call
        call.status = CallStatus.RINGING
        call.rang_s = asyncio.get_running_loop().time()
        final = CallStatus.FAILED
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch_receiver())
                await self._report("initiated", "ringing")
                final = await self._run_documents(group)
                watch.cancel()
                if self._line_task is not None:
                    self._line_task.cancel()
        finally:
            call.finish(final)
        await self._report("completed")

    async def _watch_receiver(self) -> None:
        await self._call.line.hung_up.wait()
        self._call.hang_up()

    async def _run_documents(self, group: asyncio.TaskGroup) -> CallStatus:
        plan = self._call.plan
        if plan.unanswered is not None:
            return plan.unanswered
        if plan.direction is Direction.OUTBOUND_API:
            await self._answer(group)
        source: DocumentSource | None = plan.first
        for _ in range(MAX_DOCUMENTS):
            document = await self._fetch(source) if source is not None else None
            if self._call.hung_up:
                return self._hung_up_status()
            if document is None:
                return CallStatus.COMPLETED if self._line_task else CallStatus.FAILED
            if self._line_task is None:
                refusal = _refusal(document)
                if refusal is not None:
                    return refusal
                await self._answer(group)
            # A replacement that came while the document was fetched takes its place at once.
            source = self._replacement() or await self._run_document(document)
            if source is None:
                return CallStatus.COMPLETED
        self._call.note(HTTP_RETRIEVAL, f"more than {MAX_DOCUMENTS} documents")
        return CallStatus.COMPLETED

    def _hung_up_status(self) -> CallStatus:
        return CallStatus.COMPLETED if self._line_task else CallStatus.NO_ANSWER

    async def _answer(self, group: asyncio.TaskGroup) -> None:
        call = self._call
        call.status = CallStatus.IN_PROGRESS
        call.answered_s = asyncio.get_running_loop().time()
        call.line.answer()
        self._line_task = group.create_task(call.line.run())
        await self._report("answered")

    async def _fetch(self, source: DocumentSource) -> TwimlDocument | None:
        """Get and read a document; the first one may come from the fallback address instead."""
        try:
            return await self._fetch_once(source)
        except (WebhookError, TwimlError) as error:
            code = error.code if isinstance(error, WebhookError) else error.problem.code
            self._call.note(code, str(error))
            fallback = self._call.plan.fallback_url
            if fallback is None:
                return None
            blame = {"ErrorCode": str(code), "ErrorUrl": self._url}
        try:
            return await self._fetch_once(DocumentSource(url=fallback, params=blame))
        except (WebhookError, TwimlError) as error:
            code = error.code if isinstance(error, WebhookError) else error.problem.code
            self._call.note(code, str(error))
            return None

    async def _fetch_once(self, source: DocumentSource) -> TwimlDocument:
        self._url = source.url
        if source.twiml is not None:
            document = read_twiml(source.twiml, "text/xml")
        else:
            params = self._call.request_params() | dict(source.params or {})
            answer = await self._call.webhooks.request(source.method, source.url, params)
            if not answer.body:
                raise TwimlError(TwimlProblem(DOCUMENT_PARSE, "the answer is empty"))
            document = read_twiml(answer.body, answer.content_type)
        for warning in document.warnings:
            self._call.note(warning.code, warning.reason)
        return document

    async def _run_document(self, document: TwimlDocument) -> DocumentSource | None:
        """Carry out the verbs; return the next document, None at the end of the call."""
        for verb in document.verbs:
            self._call.verbs.append(VerbRun(self._call.line.now_s(), verb))
            run = self._verbs.get(verb.name)
            step = await run(verb) if run is not None else await self._reject_late(verb)
            if self._call.hung_up:
                return None
            replacement = self._replacement()
            if replacement is not None:
                return replacement
            if isinstance(step, DocumentSource):
                return step
            if step is _End.CALL:
                return None
        return None

    def _replacement(self) -> DocumentSource | None:
        replacement, self._call.replacement = self._call.replacement, None
        if replacement is not None:
            self._call.disturbed.clear()
        return replacement

    async def _connect(self, verb: Verb) -> _Step:
        if len(verb.nouns) != 1:
            self._call.note(SCHEMA, "Connect takes exactly one noun")
        for noun in verb.nouns[:1]:
            await self._run_stream(noun)
        if self._call.disturbed.is_set():
            return None
        return self._action(verb, {}, fall_through=True)

    async def _run_stream(self, noun: Verb) -> None:
        call = self._call
        url = self._stream_url(noun)
        problem = stream_problem(Verb(noun.name, {**noun.attributes, "url": url}))
        if problem is not None:
            call.note(problem.code, problem.reason)
            return
        address = call.webhooks.routes.local(url)
        if address is None:
            call.note(CONNECTION, "no route to the stream's host")
            return
        warnings: list[TwimlProblem] = []
        parameters = stream_parameters(noun, warnings)
        for warning in warnings:
            call.note(warning.code, warning.reason)
        stream = MediaStream(
            call.line,
            stream_sid=new_sid("MZ"),
            call_sid=call.call_sid,
            account_sid=call.plan.account_sid,
            conditions=call.plan.line,
            faults=call.plan.faults,
        )
        call.streams.append(stream)
        signing = call.plan.faults.stream_signing
        headers = call.webhooks.signature_headers("x-twilio-signature", url, None, signing)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(stream.run(self._session, address, headers, parameters))
            await self._stream_event(noun, stream, "stream-started")
            await running
        problems = [problem.reason for problem in stream.problems]
        await self._stream_event(noun, stream, "stream-stopped", problems)

    def _stream_url(self, noun: Verb) -> str:
        url = noun.get("url")
        if not url or urlsplit(url).scheme:
            return url
        absolute = urlsplit(urljoin(self._url, url))
        return absolute._replace(scheme="wss").geturl()

    async def _stream_event(
        self, noun: Verb, stream: MediaStream, event: str, problems: list[str] | None = None
    ) -> None:
        url = noun.get("statusCallback")
        if not url:
            return
        params = {
            "AccountSid": self._call.plan.account_sid,
            "CallSid": self._call.call_sid,
            "StreamSid": stream.stream_sid,
            "StreamName": noun.get("name", stream.stream_sid),
            "StreamEvent": event,
        }
        if problems:
            params |= {"StreamEvent": "stream-error", "StreamError": problems[-1]}
        await self._callback(url, noun.get("statusCallbackMethod", "POST"), params)

    async def _say(self, verb: Verb) -> _Step:
        if self._speak is not None and verb.text:
            audio = self._speak(verb.text)
            started_s = self._call.line.now_s()
            playout = PlayoutModel(start_s=started_s)
            playout.feed(started_s, audio)
            self._call.line.hear(playout, lambda: self._play(playout))
            await self._call.wait(len(audio) / BYTES_PER_MS / 1000)
            self._call.line.hear(None)
            playout.close(max(started_s, self._call.line.now_s()))
        return None

    def _play(self, playout: PlayoutModel) -> None:
        playout.advance(self._call.line.now_s())

    async def _pass(self, verb: Verb) -> _Step:
        return None

    async def _reject_late(self, verb: Verb) -> _Step:
        self._call.note(SCHEMA, f"{verb.name} after the call was answered")
        return _End.CALL

    async def _hangup(self, verb: Verb) -> _Step:
        return _End.CALL

    async def _pause(self, verb: Verb) -> _Step:
        await self._call.wait(number_of(verb.get("length"), 1.0))
        return None

    async def _redirect(self, verb: Verb) -> _Step:
        return DocumentSource(url=self._absolute(verb.text), method=verb.get("method", "POST"))

    async def _dial(self, verb: Verb) -> _Step:
        call = self._call
        target = verb.text or next((noun.text for noun in verb.nouns), "")
        result = self._dial_results.get(target, DialResult())
        leg = DialLeg(call, target, new_sid("CA"))
        limit_s = number_of(verb.get("timeout"), 30.0)
        await call.wait(min(result.ring_s, limit_s))
        status = "no-answer" if result.ring_s > limit_s else result.status
        bridged = status == "completed" and not call.hung_up
        if bridged:
            bridged = await leg.whisper(self._url, verb, hears_out=result.hears_out)
        if bridged:
            await call.wait(result.talk_s)
        params = leg.result_params(status, result.talk_s if bridged else 0.0, bridged=bridged)
        return self._action(verb, params, fall_through=True)

    async def _gather(self, verb: Verb) -> _Step:
        call = self._call
        keys, utterances = len(call.record.keys), len(call.record.utterances)
        for prompt in verb.nouns:
            call.verbs.append(VerbRun(call.line.now_s(), prompt))
            await self._verbs[prompt.name](prompt)
            if len(call.record.keys) > keys:
                break
        params = await gather(call, verb, first_key=keys, first_utterance=utterances)
        return None if params is None else self._action(verb, params, fall_through=False)

    async def _record(self, verb: Verb) -> _Step:
        params = await record_message(self._call, verb)
        return self._action(verb, params, fall_through=False)

    def _action(self, verb: Verb, params: Mapping[str, str], *, fall_through: bool) -> _Step:
        """Ask the verb's `action`; without one, go on or ask the document's own address again."""
        url = verb.get("action")
        if not url and fall_through:
            return None
        method = verb.get("method", "POST")
        return DocumentSource(url=self._absolute(url), method=method, params=params)

    def _absolute(self, url: str) -> str:
        return urljoin(self._url, url)

    async def _report(self, *events: str) -> None:
        url = self._call.plan.status_callback
        for event in events:
            if url is None or event not in self._call.plan.status_events:
                continue
            params = self._call.request_params() | {
                "CallbackSource": "call-progress-events",
                "SequenceNumber": str(self._events),
            }
            if event == "initiated":
                params["CallStatus"] = "initiated"
            if event == "completed":
                params["CallDuration"] = str(round(self._call.line.now_s()))
            self._events += 1
            await self._callback(url, "POST", params)

    async def _callback(self, url: str, method: str, params: Mapping[str, str]) -> None:
        """Tell the server something; what it answers does not matter to the call."""
        try:
            async with asyncio.timeout(CALLBACK_S):
                await self._call.webhooks.request(method, self._absolute(url), params)
        except (WebhookError, TimeoutError) as error:
            self._call.note(HTTP_RETRIEVAL, f"status callback: {error}")


def new_sid(prefix: str) -> str:
    """Return a fresh SID, such as "CA" with 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


def _refusal(document: TwimlDocument) -> CallStatus | None:
    """Return how the call ends when its first verb is `<Reject>`; None: it is answered."""
    first = document.verbs[0] if document.verbs else None
    if first is None or first.name != "Reject":
        return None
    return CallStatus.BUSY if first.get("reason") == "busy" else CallStatus.NO_ANSWER
