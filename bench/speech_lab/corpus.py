"""Who speaks and what they say, in two sets that share no voice, no seed and no sentence.

Backchannels are the exception: there are only so many.

Thresholds are chosen on `TUNE` and reported on `HELD_OUT`. A voice is a variant of espeak-ng at a
rate and a pitch of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from voicecore.sandbox.voice import EspeakVoice, Speech

_VOICE = EspeakVoice(cache_size=4096)

_TUNE_AGENT = (
    "Thanks for calling Lone Star Auto Care, this call may be recorded, how can I help you today?",
    "I have three openings this week: Thursday at two p.m., Friday at nine thirty, "
    "and Friday at one fifteen.",
    "An oil change for your twenty nineteen Toyota Camry takes about forty-five minutes and "
    "includes a tire rotation.",
    "The full synthetic oil change costs eighty-nine dollars, and the filter is included "
    "in the price.",
    "Our shop is open Monday through Friday from seven thirty until six, and on Saturday "
    "from eight to two.",
    "I see your last visit was in March, when we replaced the front brake pads and rotated "
    "the tires.",
    "Please bring the key and your registration, and leave the car in the lot next to the "
    "main entrance.",
    "We will send you a text message with the address, the time, and a link to change the "
    "appointment.",
)
_HELD_OUT_AGENT = (
    "Good morning, you have reached the service desk, what can we take care of for you?",
    "We could fit you in on Wednesday at eight fifteen, or, if later suits you, on "
    "Thursday at four.",
    "Replacing the battery costs one hundred seventy dollars, parts and labor included.",
    "Your pickup truck was here in January, and the technician noted some wear on the rear tires.",
    "The inspection takes half an hour, so you are welcome to wait in our lounge.",
    "If anything changes, just call us back, and we will gladly find another day.",
    "I can put you down for a wheel alignment on the second of December, in the early afternoon.",
    "Drop the key into the box beside the door, with your name and number on the envelope.",
    "The estimate came to four hundred twelve dollars, and nothing is done without your approval.",
)


@dataclass(frozen=True, slots=True)
class Talker:
    """A voice of espeak-ng with its own rate and pitch."""

    voice: str
    rate_wpm: int
    pitch: int

    def say(self, text: str, *, faster: float = 1.0) -> Speech:
        """Return the text as this talker says it."""
        rate_wpm = round(self.rate_wpm * faster)
        return _VOICE.synthesize(text, voice=self.voice, rate_wpm=rate_wpm, pitch=self.pitch)


@dataclass(frozen=True, slots=True)
class Corpus:
    """One of the two sets."""

    name: str
    seed: int
    agent: tuple[str, ...]
    variants: tuple[str, ...]
    interruptions: tuple[str, ...]
    stops: tuple[str, ...]
    backchannels: tuple[str, ...]

    @property
    def talkers(self) -> tuple[Talker, ...]:
        """Every voice of the set, always the same."""
        return _talkers(self.seed, self.variants)

    def any_talker(self, rng: np.random.Generator) -> Talker:
        """Draw a voice."""
        return self.talkers[int(rng.integers(len(self.talkers)))]

    def any_speech(self, rng: np.random.Generator) -> Speech:
        """Draw a sentence by a voice; a set has so many of each that few repeat."""
        texts = self.interruptions + self.agent
        return self.any_talker(rng).say(texts[int(rng.integers(len(texts)))])


@cache
def _talkers(seed: int, variants: tuple[str, ...]) -> tuple[Talker, ...]:
    rng = np.random.default_rng(seed)
    languages = ("en-us", "en-gb")
    return tuple(
        Talker(
            f"{languages[index % 2]}+{variant}",
            int(rng.integers(135, 215)),
            int(rng.integers(25, 75)),
        )
        for index, variant in enumerate(variants)
    )


TUNE = Corpus(
    name="tune",
    seed=20_001,
    agent=_TUNE_AGENT,
    variants=("f1", "f3", "f5", "m1", "m3", "m5", "m7", "Alex", "Andy", "anika", "belinda", "ed"),
    interruptions=(
        "I'd like to book an oil change for tomorrow.",
        "Could we make it a little later in the week?",
        "My number is not the one you have on file.",
        "How much does that cost me altogether?",
        "That day is bad, what about next Monday?",
        "Friday works better for my wife and me.",
    ),
    stops=(
        "Stop, please stop there.",
        "Wait, that's the wrong car.",
        "No, I said Thursday.",
        "Hold on a second, I need a pen.",
        "Actually, I need something else.",
    ),
    backchannels=("uh huh", "okay", "yeah", "right", "mm hmm", "I see", "got it", "sure"),
)

HELD_OUT = Corpus(
    name="held-out",
    seed=90_001,
    agent=_HELD_OUT_AGENT,
    variants=(
        "f2", "f4", "m2", "m4", "m6", "m8", "Alicia", "Andrea", "Annie", "Mike", "adam", "antonio",
        "aunty", "benjamin", "david", "edward", "grandma", "grandpa", "john", "linda", "max",
        "paul", "quincy", "robert", "shelby", "steph", "travis", "victor",
    ),
    interruptions=(
        "Sorry to cut in, is there parking at your place?",
        "When can I pick up the truck again?",
        "The brakes make a terrible noise every morning.",
        "Please tell me the price first.",
        "Do you also look at the air conditioning?",
        "Saturday would be perfect for us.",
        "I already had that done by someone else.",
        "You have the wrong license plate there.",
    ),
    stops=(
        "Wait, wait, which day was that?",
        "Stop, I don't want that.",
        "No, that's not my car.",
        "Hang on, let me look that up.",
        "Excuse me, can I ask something?",
        "Hold on, my dog is at the door.",
    ),
    # As often as people say them: the first five are most of what is said.
    backchannels=(
        "uh huh", "uh huh", "uh huh", "yeah", "yeah", "yeah", "okay", "okay", "okay", "right",
        "right", "mm hmm", "mm hmm", "sure", "I see", "yep", "alright", "sounds good", "of course",
        "that's right", "oh okay", "okay great",
    ),
)  # fmt: skip
