"""Every error that voicecore raises on purpose.

VoiceCoreError
├── LocalError                our own misuse: a bug or a wrong setting
│   ├── SettingsError
│   └── AudioFormatError
└── RemoteError               a peer broke its protocol, refused or went away
    ├── TwilioProtocolError
    ├── SignatureError
    ├── DeepgramProtocolError
    ├── DeepgramError
    ├── LlmError
    ├── TwilioRestError
    └── StoreError

A normal end (hang-up, close 1000) is an event, never an exception. Messages are built from the
attributes and hold neither secrets nor whole payloads.
"""

from __future__ import annotations


class VoiceCoreError(Exception):
    """Root of the tree; never raised itself."""


class LocalError(VoiceCoreError):
    """We broke a rule of our own."""


class RemoteError(VoiceCoreError):
    """The other side broke its protocol, refused or failed."""


class SettingsError(LocalError):
    """Settings are missing or wrong; `problems` names each, without its value."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "settings: " + "; ".join(self.problems)


class AudioFormatError(LocalError):
    """Audio of a size or range that the function does not take."""


class TwilioProtocolError(RemoteError):
    """A message on the media stream that is not what Twilio documents."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"twilio media stream: {self.reason}"


class SignatureError(RemoteError):
    """A request that does not carry a valid `X-Twilio-Signature`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"twilio signature: {self.reason}"


class DeepgramProtocolError(RemoteError):
    """A message from Deepgram that is not what its specification says."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"deepgram: {self.reason}"


class DeepgramError(RemoteError):
    """Deepgram refused or dropped a connection.

    `service` is "listen" or "speak"; `status` the HTTP status of a refused upgrade or the close
    code of a dropped socket (None: no answer at all).
    """

    def __init__(self, service: str, reason: str, status: int | None = None) -> None:
        super().__init__(service, reason, status)
        self.service = service
        self.reason = reason
        self.status = status

    def __str__(self) -> str:
        return f"deepgram {self.service}: {self.reason} (status {self.status})"


class LlmError(RemoteError):
    """The language model failed; `retryable` says whether another try can help."""

    def __init__(self, reason: str, *, retryable: bool, status: int | None = None) -> None:
        super().__init__(reason, retryable, status)
        self.reason = reason
        self.retryable = retryable
        self.status = status

    def __str__(self) -> str:
        return f"llm: {self.reason} (status {self.status}, retryable {self.retryable})"


class TwilioRestError(RemoteError):
    """Twilio's REST API refused or did not answer; `unknown_outcome` means it may have acted."""

    def __init__(self, reason: str, *, code: int | None, unknown_outcome: bool) -> None:
        super().__init__(reason, code, unknown_outcome)
        self.reason = reason
        self.code = code
        self.unknown_outcome = unknown_outcome

    def __str__(self) -> str:
        return f"twilio rest: {self.reason} (code {self.code})"


class StoreError(RemoteError):
    """The session store is slow, gone or holds something unreadable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"session store: {self.reason}"
