"""Every setting of the product: one frozen value, built once from the environment.

`.env.example` is generated from this class (`python cli.py settings --example`), and a test holds
the two together. Every field has a meaning, and a unit where it has one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from voicecore.errors import SettingsError

EMPTY = SecretStr("")

# Source: Deepgram, Models and languages (English of Nova-3); Voices (English voices of Aura 2).
VOICES = {
    "en": "aura-2-thalia-en",
    "en-US": "aura-2-thalia-en",
    "en-GB": "aura-2-pandora-en",
    "en-AU": "aura-2-theia-en",
    "en-NZ": "aura-2-theia-en",
    "en-IN": "aura-2-thalia-en",
}
MOST_NAME_CHARS, MOST_PERSONA_CHARS = 40, 300
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# Source: ITU-T E.164, at most 15 digits after the plus sign.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

# A service is used for real once the first name of its row is set; then it needs the others too.
NEEDED_TOGETHER = (
    ("twilio_auth_token", "twilio_account_sid", "twilio_phone_number", "public_base_url"),
    ("google_calendar_id", "google_client_id", "google_client_secret", "google_refresh_token"),
)
# What may be given in place of one of those.
INSTEAD_OF = {
    "google_client_id": ("google_service_account_file",),
    "google_client_secret": ("google_service_account_file",),
    "google_refresh_token": ("google_service_account_file", "google_token_file"),
}


class Settings(BaseSettings):
    """The product's settings; every one can be given in the environment or in `.env`."""

    model_config = SettingsConfigDict(
        env_file=None, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    # --- the worker -------------------------------------------------------------------------
    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port that the server listens on.")
    public_base_url: str = Field(
        "",
        description="The https:// address under which Twilio reaches this server, no slash at "
        "the end. Signatures are checked against it.",
    )
    log_level: str = Field("INFO", description="Least level that is logged.")
    max_calls: int = Field(100, ge=1, description="Most calls that one worker takes at once.")
    max_calls_total: int = Field(
        0, ge=0, description="Most calls that all workers take together, counted in Redis; 0: any."
    )
    max_call_s: int = Field(900, ge=60, description="Longest call, in seconds.")

    # --- the service centre -----------------------------------------------------------------
    shop_name: str = Field("Northside Auto Care", description="Name that the agent says.")
    shop_timezone: str = Field("America/Chicago", description="IANA zone of the shop.")
    shop_country: str = Field(
        "US",
        description="ISO 3166 code of the country whose public holidays the shop keeps, unless it "
        "has special hours then.",
    )
    shop_subdivision: str = Field(
        "",
        description="Code of the state or province whose holidays count too, such as IL; empty: "
        "those of the whole country only.",
    )
    shop_address: str = Field(
        "120 Lakeview Avenue, Springfield", description="Address for the confirmation."
    )
    transfer_number: str = Field(
        "", description="E.164 number of the human who takes transferred calls; empty: nobody."
    )
    transfer_ring_s: int = Field(
        20, ge=5, le=60, description="Seconds that it rings there before the agent is back."
    )

    # --- the agent --------------------------------------------------------------------------
    agent_name: str = Field("", description="Name that the agent gives itself; empty: none.")
    agent_persona: str = Field(
        "friendly, calm and to the point",
        description="How the agent speaks, in a few words for the language model.",
    )
    agent_language: str = Field(
        "en-US",
        description="en-US, en-GB, en-AU, en-NZ, en-IN or en: what the listener expects, and which "
        "voice speaks. The agent speaks English only.",
    )

    # --- Twilio -----------------------------------------------------------------------------
    twilio_account_sid: str = Field("", description="Account SID (AC...).")
    twilio_auth_token: SecretStr = Field(EMPTY, description="Auth token: signs the webhooks.")
    twilio_more_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Comma-separated secrets that may have signed besides the auth token: the "
        "other token while it is rotated, the shared key of an account that signs with SHA-256.",
    )
    twilio_phone_number: str = Field("", description="Our number, E.164.")
    twilio_api_base: str = Field("https://api.twilio.com", description="Twilio REST.")
    outbound_allowed_numbers: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated E.164 numbers that may be called or texted; empty: none.",
    )

    reminder_max_attempts: int = Field(
        1,
        ge=1,
        le=3,
        description="How often a reminder is called at most when nobody answers; whoever was "
        "reached is never called twice.",
    )

    # --- Deepgram ---------------------------------------------------------------------------
    deepgram_api_key: SecretStr = Field(EMPTY, description="API key.")
    deepgram_listen_url: str = Field(
        "wss://api.deepgram.com/v1/listen", description="Streaming speech-to-text."
    )
    deepgram_speak_url: str = Field(
        "wss://api.deepgram.com/v1/speak", description="Streaming text-to-speech."
    )
    deepgram_listen_model: str = Field("nova-3", description="Model of the listener.")
    deepgram_voice: str = Field(
        "", description="Voice of the agent, an English one; empty: one that fits AGENT_LANGUAGE."
    )

    # --- language model ---------------------------------------------------------------------
    openai_api_key: SecretStr = Field(EMPTY, description="API key.")
    openai_base_url: str = Field(
        "https://api.openai.com/v1", description="Any server that speaks chat completions."
    )
    openai_model: str = Field("gpt-4o", description="Model that leads the conversation.")
    openai_fallback_model: str = Field(
        "gpt-4o-mini", description="Model asked when the first one fails; empty: none."
    )

    # --- Google Calendar --------------------------------------------------------------------
    google_calendar_id: str = Field("", description="Calendar that shows the bookings.")
    google_client_id: str = Field("", description="OAuth2 client id.")
    google_client_secret: SecretStr = Field(EMPTY, description="OAuth2 client secret.")
    google_refresh_token: SecretStr = Field(EMPTY, description="OAuth2 refresh token.")
    google_token_file: str = Field(
        "",
        description="File with the refresh token, as `cli.py calendar login` writes it; in place "
        "of GOOGLE_REFRESH_TOKEN.",
    )
    google_service_account_file: str = Field(
        "",
        description="JSON key file of a service account; in place of the OAuth2 client and its "
        "token. Share the calendar with the account's address.",
    )
    google_service_account_subject: str = Field(
        "",
        description="Person for whom the service account acts (domain-wide delegation); needed "
        "only to invite customers.",
    )
    google_invite_customers: bool = Field(
        False, description="Invite customers who have an email address; Google then mails them."
    )
    google_sync_days: int = Field(
        30, ge=1, le=365, description="How many days ahead the calendar is kept in agreement."
    )
    google_api_root: str = Field("https://www.googleapis.com/", description="Google API root.")
    google_token_url: str = Field(
        "https://oauth2.googleapis.com/token", description="Google token endpoint."
    )
    google_auth_url: str = Field(
        "https://accounts.google.com/o/oauth2/v2/auth", description="Google consent page."
    )

    # --- data -------------------------------------------------------------------------------
    database_url: SecretStr = Field(EMPTY, description="PostgreSQL DSN, 15 or later.")
    redis_url: SecretStr = Field(EMPTY, description="Redis URL, 6.2 or later.")
    caller_id_is_a_fact: bool = Field(
        True,
        description="Whether whoever calls from a number on file and says it reaches that account; "
        "false: they say their name or plate as well, as a caller ID can be forged.",
    )
    call_retention_days: int = Field(
        365, ge=0, description="Days after which calls and their words are deleted; 0: never."
    )

    @field_validator("outbound_allowed_numbers", "twilio_more_secrets", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("outbound_allowed_numbers")
    @classmethod
    def _only_numbers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_E164.fullmatch(number) for number in value):
            raise ValueError("holds something that is not an E.164 number such as +13125550100")
        return value

    @field_validator("transfer_number", "twilio_phone_number")
    @classmethod
    def _number_or_nothing(cls, value: str) -> str:
        if value and not _E164.fullmatch(value):
            raise ValueError("is not an E.164 number such as +13125550100")
        return value

    @field_validator("agent_language")
    @classmethod
    def _spoken_language(cls, value: str) -> str:
        known = {name.lower(): name for name in VOICES}
        if value.lower() not in known:
            raise ValueError(
                f"is not one of {', '.join(VOICES)}: what callers say is read, and what the agent "
                "says is written, in English only"
            )
        return known[value.lower()]

    @field_validator("deepgram_voice")
    @classmethod
    def _english_voice(cls, value: str) -> str:
        if value and not re.fullmatch(r"aura-[a-z0-9-]+-en", value):
            raise ValueError(f"is not an English voice such as {VOICES['en']}")
        return value

    @field_validator("agent_name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        plain = all(character.isalpha() or character in " -'." for character in value)
        if not plain or len(value) > MOST_NAME_CHARS:
            raise ValueError(f"is not a name of at most {MOST_NAME_CHARS} letters")
        return " ".join(value.split())

    @field_validator("agent_persona")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if len(value) > MOST_PERSONA_CHARS or not value.isprintable():
            raise ValueError(f"is not one line of at most {MOST_PERSONA_CHARS} characters")
        return " ".join(value.split())

    @property
    def voice(self) -> str:
        """The voice that speaks: the one that was chosen, or one that fits the language."""
        return self.deepgram_voice or VOICES[self.agent_language]

    @field_validator("public_base_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", value):
            raise ValueError("is not an address such as https://agent.example.com")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in LEVELS:
            raise ValueError(f"is not one of {', '.join(LEVELS)}")
        return value.upper()

    @field_validator("shop_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is not an IANA time zone") from error
        return value


def load_settings(
    env_file: Path | None = None, *, optional: frozenset[str] = frozenset()
) -> Settings:
    """Read the environment (and `env_file` where given) into one `Settings`.

    What is in `optional` may be missing, whatever needs it.

    Raises:
        SettingsError: naming every wrong and every missing setting at once, never its value.
    """
    wrong: dict[str, str] = {}
    try:
        settings = Settings(_env_file=env_file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((f"{env_file}: cannot be read as UTF-8 text",)) from error
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            message = item["msg"].removeprefix("Value error, ")
            wrong.setdefault(str(item["loc"][0]), message)
        # Defaults in place of the wrong ones, to learn what is missing besides.
        defaults: dict[str, Any] = {name: Settings.model_fields[name].default for name in wrong}
        settings = Settings(_env_file=env_file, **defaults)
    problems = [f"{name.upper()}: {message}" for name, message in wrong.items()]
    problems += _missing(settings, given=frozenset(wrong) | optional)
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def _missing(settings: Settings, *, given: frozenset[str]) -> list[str]:
    """What a service lacks that has its key; a wrong setting is given all the same."""
    problems: list[str] = []
    for key, *others in NEEDED_TOGETHER:
        if not (key in given or is_set(settings, key)):
            continue
        problems += [
            f"{name.upper()}: is missing, and {key.upper()} needs it"
            for name in others
            if not (name in given or is_set(settings, name) or _is_replaced(settings, name))
        ]
    return problems


def _is_replaced(settings: Settings, name: str) -> bool:
    return any(is_set(settings, other) for other in INSTEAD_OF.get(name, ()))


def is_set(settings: Settings, name: str) -> bool:
    """Tell whether the setting called `name` holds anything."""
    value = getattr(settings, name)
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
