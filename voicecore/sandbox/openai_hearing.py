"""What a caller's words mean to the stand-in model: wishes, days, choices, agreement."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SINGLE = frozenset(
    ("zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
)
_PAIRS = re.compile(
    r"(?:ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
)
_REPEATS = {"double": 1, "triple": 2, "treble": 2}
LEAST_PHONE_DIGITS = 7

_WISHES = (
    (
        "human",
        r"\b(?:human|real person|somebody|someone else|a person|manager|operator|colleague|"
        r"representative|advis[eo]r|speak to (?:a|some)|talk to (?:a|some)|complain(?:t|ing)?|"
        r"unacceptable|damaged my|on fire|smoke|accident|emergency|brakes (?:failed|don't work|"
        r"do not work|are gone))\b",
    ),
    (
        "details",
        r"\b(?:change|update|new|correct) (?:my |the )?(?:e ?mail|phone number|number|address)\b|"
        r"\b(?:my new|a new) (?:e ?mail|phone number|number)\b",
    ),
    (
        "done",
        r"\b(?:is it|am i|are we|is that|did you|was it|did it|did that) (?:all |now |already )?"
        r"(?:booked|book|cancelled|cancel|moved|move|done|go through|went through|set)\b",
    ),
    ("price", r"\b(?:how much|price|prices|cost|costs|charge|expensive)\b"),
    (
        "hours",
        r"\b(?:opening hours|what hours|your hours|when (?:do|are) you (?:open|close)|"
        r"what time do you (?:open|close)|are you open|until when|how late)\b",
    ),
    ("address", r"\b(?:where are you|your address|where is the shop|how do i get)\b"),
    (
        "status",
        r"\b(?:is my car (?:ready|done|finished)|car ready|status|how far (?:is|are)|"
        r"when can i pick|pick (?:it|my car) up)\b",
    ),
    ("cancel", r"\bcancel(?:l?ing|l?ation)?\b|\bcall off\b"),
    (
        "move",
        r"\b(?:reschedule|move my|move the|move it|change my appointment|postpone|"
        r"change the appointment|another day for my appointment)\b",
    ),
    (
        "book",
        r"\b(?:book|appointment|schedule|bring (?:it|my|the)|come in|need (?:a|an|my|some)|"
        r"would like (?:a|an|to)|get (?:a|an|my)|due for|slot)\b",
    ),
)
_YES = re.compile(
    r"\b(?:yes|yeah|yep|yup|sure|okay|ok|correct|right|absolutely|go ahead|please do|do it|"
    r"book it|sounds (?:good|great)|that works|works for me|perfect|great|fine)\b"
)
_NO = re.compile(r"\b(?:no|nope|not|don't|wait|actually|instead|rather|but|different|another)\b")
_BYE = re.compile(
    r"\b(?:bye|goodbye|good bye|that's all|that is all|nothing else|that's everything|"
    r"that was all|have a (?:nice|good|great))\b"
)
_THANKS = re.compile(r"\b(?:thanks|thank you|cheers)\b")
_OTHER_TIME = re.compile(
    r"\b(?:what about|how about|anything|something|other times?|another (?:day|time)|later|"
    r"different (?:day|time)|do you have|is there)\b"
)
_NEW = re.compile(
    r"\b(?:new customer|first time|never been|no account|don't have an account|not a customer)\b"
)
_THING = re.compile(r"\b(?:an?|my|some) ([a-z]+(?: [a-z]+)?)(?= on\b| for\b| at\b| please\b|$)")
_CANNOT = re.compile(r"\b(?:can't make it|cannot make it|can't come|cannot come|won't be able)\b")
_PLACES = (("first", 0), ("earliest", 0), ("second", 1), ("middle", 1), ("third", 2), ("last", -1))
_GENERIC_WORDS = frozenset(
    ("service", "change", "inspection", "check", "replacement", "rotation", "repair", "and", "the")
)


def plain(text: str) -> str:
    """Return the lower-case words of `text`; "2 p.m." becomes "2 pm"."""
    lowered = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", text.lower().replace("’", "'"))
    return " ".join(re.sub(r"[^a-z0-9' ]+", " ", lowered).split())


def says_phone(text: str) -> bool:
    """Say whether as many digits were said as a phone number has."""
    return digits(text) >= LEAST_PHONE_DIGITS


def digits(text: str) -> int:
    """Count the digits that were said, as figures or words."""
    count = 0
    for word in plain(text).split():
        if word.isdigit():
            count += len(word)
        elif word in _SINGLE:
            count += 1
        elif _PAIRS.fullmatch(word):
            count += 2
        else:
            count += _REPEATS.get(word, 0)
    return count


def wish(text: str) -> str:
    """Return the name of the first wish that the words show, or an empty string."""
    words = plain(text)
    return next((name for name, pattern in _WISHES if re.search(pattern, words)), "")


def clauses(text: str) -> list[str]:
    """Cut a sentence with several wishes: "book an oil change and cancel the other one"."""
    parts = re.split(r",? (?:and|also|then|plus) (?:also |then )?|[.;] ", text)
    return [part.strip() for part in parts if part.strip()]


def first_wish(text: str) -> str:
    """Return the first of several wishes."""
    found = (wish(part) for part in clauses(text))
    return next((name for name in found if name), "") or wish(text)


def first_clause(text: str) -> str:
    """Return the part of the words that shows the first wish, with what stands before it."""
    parts = clauses(text)
    wished = [place for place, part in enumerate(parts) if wish(part)]
    if len(wished) < 2:
        return text
    return ". ".join(parts[: wished[1]])


def unknown_service(text: str) -> str:
    """Return what may be the name of a service: "I need an oil change on" is "oil change"."""
    found = _THING.search(plain(text))
    return found[1] if found else ""


def is_new(text: str) -> bool:
    """The caller has no account yet."""
    return bool(_NEW.search(plain(text)))


def cannot_come(text: str) -> bool:
    """The caller cannot make the appointment."""
    return bool(_CANNOT.search(plain(text)))


def email(text: str) -> str:
    """Return the address that was said: "maria dot lopez at example dot com"."""
    words = plain(text)
    spoken = re.search(r"((?:\S+ (?:dot|underscore|dash) )*\S+) at ((?:\S+ dot )+[a-z]+)", words)
    if spoken is None:
        written = re.search(r"\S+@\S+\.[a-z]+", text.lower())
        return written[0] if written else ""
    signs = ((" dot ", "."), (" underscore ", "_"), (" dash ", "-"))
    local, domain = spoken[1], spoken[2]
    for word, sign in signs:
        local, domain = local.replace(word, sign), domain.replace(word, sign)
    return f"{local}@{domain}"


def agrees(text: str) -> bool:
    """A yes without a but."""
    words = plain(text)
    return bool(_YES.search(words)) and not _NO.search(words)


def refuses(text: str) -> bool:
    """A no, or the start of a correction."""
    return bool(_NO.search(plain(text)))


def says_goodbye(text: str) -> bool:
    """The caller is done."""
    return bool(_BYE.search(plain(text)))


def says_thanks(text: str) -> bool:
    """The caller thanks."""
    return bool(_THANKS.search(plain(text)))


def asks_for_other_times(text: str) -> bool:
    """The caller wants to hear other times than those that were offered."""
    return bool(_OTHER_TIME.search(plain(text)))


def part_of_day(text: str) -> str:
    """Return "morning" or "afternoon" where one was said."""
    words = plain(text)
    if re.search(r"\b(?:afternoon|evening|after lunch|after work)\b", words):
        return "afternoon"
    return "morning" if re.search(r"\b(?:morning|before noon)\b", words) else ""


def service(text: str, services: Mapping[str, str]) -> str:
    """Return the code of the service whose words were said; `services` maps codes to names."""
    words = plain(text)
    for code, name in services.items():
        if re.search(rf"\b{re.escape(plain(name))}\b", words):
            return code
    for code, name in services.items():
        for word in set(plain(name).split()) - _GENERIC_WORDS:
            if re.search(rf"\b{re.escape(word.rstrip('s'))}(?:s|es)?\b", words):
                return code
    return ""


def day(text: str, calendar: Sequence[tuple[str, str]]) -> str:
    """Return the ISO date of the day that was said.

    `calendar` holds pairs of ISO date and its spoken form, today first.
    """
    words = plain(text)
    dates = [iso for iso, _ in calendar]
    for iso, spoken in calendar:
        month_day = plain(spoken.partition(",")[2])
        if month_day and re.search(rf"\b{re.escape(month_day)}\b", words):
            return iso
    if "tomorrow" in words.split() and len(dates) > 1:
        return dates[2] if "day after tomorrow" in words and len(dates) > 2 else dates[1]
    if "today" in words.split() and dates:
        return dates[0]
    for iso, spoken in calendar[1:]:
        name = plain(spoken).partition(" ")[0]
        if name in _WEEKDAYS and re.search(rf"\b{name}s?\b", words):
            return iso
    return ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A time that was offered: its handle, ISO start and spoken form."""

    slot: str
    start: str
    spoken: str

    @property
    def time_words(self) -> str:
        """The time of day in plain words, without a.m. and p.m.: "nine thirty"."""
        clock = plain(self.spoken.rpartition(" at ")[2])
        return re.sub(r"\b(?:am|pm)$", "", clock).strip()


def choice(text: str, offers: Sequence[Offer], calendar: Sequence[tuple[str, str]]) -> str:
    """Return the slot that the words single out, or an empty string."""
    words = plain(text)
    fits = list(offers)
    narrowed = False
    said_day = day(text, calendar)
    if said_day:
        fits, narrowed = [offer for offer in fits if offer.start.startswith(said_day)], True
    part = part_of_day(text)
    if part:
        fits = [offer for offer in fits if (offer.start[11:13] < "12") == (part == "morning")]
        narrowed = True
    timed = [offer for offer in fits if _says_time(words, offer.time_words)]
    if timed:
        longest = max(len(offer.time_words) for offer in timed)
        fits = [offer for offer in timed if len(offer.time_words) == longest]
        narrowed = True
    if narrowed and len(fits) == 1:
        return fits[0].slot
    if fits and not timed:
        for word, place in _PLACES:
            if re.search(rf"\b{word}\b", words) and place < len(fits):
                return fits[place].slot
    return ""


def _says_time(words: str, time_words: str) -> bool:
    if not time_words:
        return False
    said = re.escape(time_words)
    if time_words == "one":
        return bool(re.search(r"\bat one\b|\bone (?:pm|am|o'?clock)\b|^one$", words))
    return bool(re.search(rf"\b{said}\b", words)) or bool(
        re.search(rf"\b{_numerals(time_words)}\b", words)
    )


def _numerals(time_words: str) -> str:
    hours = "one two three four five six seven eight nine ten eleven twelve"
    numbers = {word: str(at) for at, word in enumerate(hours.split(), start=1)}
    minutes = {"fifteen": "15", "thirty": "30", "forty five": "45"}
    hour, _, minute = time_words.partition(" ")
    if hour not in numbers:
        return re.escape(time_words)
    tail = rf"[ :]{minutes.get(minute, '00')}" if minute else r"(?:[ :]00)?"
    return rf"{numbers[hour]}{tail}"
