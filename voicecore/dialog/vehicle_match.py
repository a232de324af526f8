"""Finds the one of the caller's own cars that they mean: "the Camry", "my truck", "the red one"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from voicecore.dialog import phrases
from voicecore.dialog.corrections import corrected_parts
from voicecore.dialog.number_words import cardinal
from voicecore.dialog.number_words import year as year_words
from voicecore.dialog.plain_words import comma_words, plain_text, plain_words
from voicecore.dialog.ports import Vehicle
from voicecore.dialog.slot_problem import SlotProblem

MOST_NAMED = 4
_NOTHING_SAID = comma_words(
    "the,a,an,my,our,his,her,their,it's,its,it,is,for,that,this,car,vehicle,please,i,drive,have,"
    "got,on,about,with,of,and,uh,um,yes,yeah,well,so,auto,ride,mine,to,in,bring,take,want,need,"
    "would,like,be,color,colored,model,year,make,wife's,husband's,daughter's,son's"
)
_REFUSING = comma_words("not,no,other,another,neither,both,either,or,don't,isn't,except")
_MAKES = {
    "chevy": "chevrolet", "chev": "chevrolet", "vw": "volkswagen", "volks": "volkswagen",
    "benz": "mercedes", "merc": "mercedes", "beamer": "bmw", "beemer": "bmw", "bimmer": "bmw",
    "caddy": "cadillac", "lambo": "lamborghini", "toyoda": "toyota", "subie": "subaru",
}  # fmt: skip
_COLOURS = comma_words(
    "white,black,grey,gray,silver,blue,red,green,brown,beige,gold,orange,yellow,purple,tan,"
    "maroon,burgundy,navy"
)
_ALIKE_COLOURS = {
    "gray": "grey",
    "maroon": "red",
    "burgundy": "red",
    "navy": "blue",
    "tan": "beige",
}
_TRUCKS = (
    "f150 f250 f350 silverado sierra ram 1500 2500 tacoma tundra ranger colorado canyon frontier "
    "titan ridgeline maverick gladiator cybertruck"
)
_VANS = "odyssey sienna pacifica caravan transit sprinter carnival promaster express savana"
_SUVS = (
    "crv rav4 escape explorer highlander pilot tahoe suburban equinox traverse rogue pathfinder "
    "forester outback cx5 cx50 cx9 tucson santafe sorento sportage telluride palisade wrangler "
    "cherokee grandcherokee compass 4runner edge expedition yukon acadia terrain x3 x5 q5 modely "
    "venza hrv passport atlas tiguan kona bronco durango"
)
_BODIES = {
    **dict.fromkeys(("truck", "pickup"), frozenset(_TRUCKS.split())),
    **dict.fromkeys(("van", "minivan"), frozenset(_VANS.split())),
    **dict.fromkeys(("suv", "crossover"), frozenset(_SUVS.split())),
}
_SEDAN_WORDS = frozenset(("sedan",))
_ALIKE = 0.8
_FEWEST_LETTERS = 4
_YEAR = re.compile(r"(?:19|20)?[0-9]{2}")
_YEARS = {
    plain_words(words): str(number)
    for number in range(1980, 2040)
    for words in (
        year_words(number),
        cardinal(number),
        cardinal(number).replace("thousand ", "thousand and "),
    )
} | {f"oh {cardinal(number)}": f"200{number}" for number in range(1, 10)}
_YEAR_SAID = re.compile(rf"\b(?:{'|'.join(sorted(_YEARS, key=len, reverse=True))})\b")
_TWO_DIGITS = {cardinal(number).replace("-", " "): str(number) for number in range(10, 100)}
_TWO_DIGITS_SAID = re.compile(rf"\b(?:{'|'.join(sorted(_TWO_DIGITS, key=len, reverse=True))})\b")
_ONE = re.compile(r"\bone\b(?! [0-9])")
_NUMBERS = {cardinal(number): str(number) for number in range(1, 10)}
_LONGEST_RUN = 3
_LETTER_RUN = re.compile(r"\b(?:[a-z] )+[a-z]\b")


def match_vehicle(said: str, cars: Sequence[Vehicle]) -> Vehicle | SlotProblem:
    """Return the one car that every word of `said` fits; else ask which one.

    Year, make, model and colour count, a slip of the listener is forgiven ("Camery"). What names
    another car than the caller's is never taken for one of them.
    """
    if not cars:
        return SlotProblem("no_vehicle_on_file", phrases.ASK_NO_VEHICLE)
    words = _content(corrected_parts(said)[-1])
    fits = [] if _REFUSING & set(words) else [car for car in cars if _fits(words, car)]
    if len(fits) == 1:
        return fits[0]
    choices = [
        plain_text(f"{car.year} {car.make} {car.model}") for car in (fits or cars)[:MOST_NAMED]
    ]
    names = phrases.listed(choices)
    return SlotProblem("vehicle_unclear", phrases.ASK_VEHICLE.format(names=names))


def _content(said: str) -> list[str]:
    """Return the words that tell one car from another: numbers in digits, letters joined."""
    plain = plain_words(said.replace("-", "")).replace(" '", " ").removeprefix("'")
    plain = _YEAR_SAID.sub(lambda match: _YEARS[match[0]], plain)
    plain = _TWO_DIGITS_SAID.sub(lambda match: _TWO_DIGITS[match[0]], plain)
    plain = _LETTER_RUN.sub(lambda match: match[0].replace(" ", ""), _ONE.sub(" ", plain))
    words = (_NUMBERS.get(word, word) for word in plain.split())
    return [_MAKES.get(word, word) for word in words if word not in _NOTHING_SAID]


def _fits(words: Sequence[str], car: Vehicle) -> bool:
    """Say whether each word, or run of words, is something about the car."""
    at = 0
    while at < len(words):
        used = _used(words[at:], car)
        if not used:
            return False
        at += used
    return True


def _used(words: Sequence[str], car: Vehicle) -> int:
    """Return how many of the first words name the model, or say something else of the car."""
    model = _joined_model(car)
    for count in range(min(_LONGEST_RUN, len(words)), 1, -1):
        if "".join(words[:count]) == model:
            return count
    return int(_is_about(words[0], car))


def _joined_model(car: Vehicle) -> str:
    return plain_words(car.model.replace("-", "")).replace(" ", "")


def _is_about(word: str, car: Vehicle) -> bool:
    model = _joined_model(car)
    if _YEAR.fullmatch(word) and word != model:
        return str(car.year).endswith(word) and len(word) in (2, 4)
    if word in _COLOURS:
        colour = str(getattr(car, "colour", "")).lower()
        return _ALIKE_COLOURS.get(word, word) == _ALIKE_COLOURS.get(colour, colour)
    if word in _BODIES:
        return model in _BODIES[word]
    if word in _SEDAN_WORDS:
        return not any(model in models for models in _BODIES.values())
    names = (model, *plain_words(car.make).split(), *plain_words(car.model).split())
    return any(_sounds_alike(word, name) for name in names)


def _sounds_alike(word: str, name: str) -> bool:
    if word == name or word == f"{name}s":
        return True
    if min(len(word), len(name)) < _FEWEST_LETTERS or any(char.isdigit() for char in word + name):
        return False
    is_close = SequenceMatcher(None, word, name, autojunk=False).ratio() >= _ALIKE
    return is_close and word[0] == name[0]
