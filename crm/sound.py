"""What a name sounds like: one key for all its spellings that an American ear cannot tell apart.

Theory of operation: the name is folded to plain letters, and these are rewritten by an ordered list
of rules. A rule turns lower-case letters, which are still to be read, into upper-case codes, which
are done. The codes are the sounds that survive a telephone:

    P B F(f, v, ph)  T(t, d, th)  K(k, g, c, q)  J(j, soft g)  X(sh, ch)  S(s, z)  M N L R  H W Y

Vowels are dropped except at the start, where any of them is `A`. The key is meant to find too many
people rather than too few; who stands first among them is decided by edit distance.
"""

from __future__ import annotations

import re
import unicodedata

SOUND_MAX_CHARS = 100

# Letters that Unicode does not take apart into a letter and a mark.
_FOLDED = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l",
    "þ": "th", "ı": "i", "ħ": "h", "ŋ": "ng"})  # fmt: skip
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "esq"})
# Names whose spelling gives no American reader their sound.
_AS_SPOKEN = {
    "aoife": "eefa",
    "jesus": "hesus",
    "joaquin": "wakeen",
    "jorge": "horhay",
    "jose": "hosay",
    "juan": "wan",
    "javier": "havier",
    "niamh": "neev",
    "nguyen": "win",
    "saoirse": "sersha",
    "sean": "shawn",
    "siobhan": "shivon",
    "sian": "sharn",
}
_RULES = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        # Starts that are written with a silent letter, or with one that is read in its own way.
        (r"^(?:kn|gn|pn|ng)", "n"),
        (r"^wr", "r"),
        (r"^ps", "s"),
        (r"^pf", "f"),
        (r"^wh(?=o)", "h"),
        (r"^wh", "w"),
        (r"^x(?=[iu])", "X"),
        (r"^x", "s"),
        (r"^(?:mc|mac(?=i?n[a-z]))", "mk"),
        (r"^gh", "g"),
        (r"^(?:y(?=[aeiou]))", "Y"),
        (r"^w", "W"),
        (r"^h", "H"),
        # Groups of letters that are one sound.
        (r"sch(?=[mnwl])", "s"),
        (r"t?sch|tch", "X"),
        (r"^zach", "SaK"),
        (r"ch(?=[lrmnt])|(?<=mi)ch(?=ae)", "K"),
        (r"(?<=[^aeiou][ao])ch$", "K"),
        (r"ch|sh|cz|(?<!gar)ci(?=[ao])", "X"),
        (r"(?<=n)gh", "g"),
        (r"gh", ""),
        (r"gn$", "n"),
        (r"gu(?=[ei])", "K"),
        (r"dg(?=[eiy])|zh|g(?=[eiy])", "J"),
        (r"j", "J"),
        (r"ph", "F"),
        (r"th", "T"),
        (r"mb$", "m"),
        (r"(?<=m)p(?=[st])", ""),
        (r"t(?=z)", ""),
        (r"s?c(?=[eiy])|z", "S"),
        (r"x", "KS"),
        (r"s", "S"),
        (r"c?k|c|q|g", "K"),
        (r"[dt]+", "T"),
        (r"[fv]", "F"),
        # What is silent inside a word, and what stands for itself.
        (r"(?<=.)[hw]", ""),
        (r"[pblmnr]", r"\g<0>"),
    )
)
_VOWELS = re.compile(r"[aeiouy]+")
_REPEATED = re.compile(r"(.)\1+")


def sound_key(name: str) -> str:
    """Return the key of a name: equal for names that sound alike; at most 100 characters.

    Apostrophes, hyphens, blanks and marks count for nothing: "O'Brien", "o brien" and "OBRIEN" are
    one. A name in another script is its own key. Empty where there is nothing to hear.
    """
    words = _words(name)
    if len(words) > 1 and words[-1] in _SUFFIXES:
        words = words[:-1]
    plain = "".join(_AS_SPOKEN.get(word, word) for word in words)
    letters = "".join(char for char in plain if "a" <= char <= "z")
    if not letters:
        return plain[:SOUND_MAX_CHARS]
    for pattern, code in _RULES:
        letters = pattern.sub(code, letters)
    # A vowel between two equal sounds keeps them apart: "Lola" has two of them, "Willard" one.
    codes = _REPEATED.sub(r"\1", letters.upper())
    codes = _VOWELS.sub(" ", codes.lower())
    first = "A" if codes.startswith(" ") else ""
    return (first + codes.replace(" ", "").upper())[:SOUND_MAX_CHARS]


def folded_name(name: str) -> str:
    """Return the letters and digits of a name without case and marks, to compare spellings."""
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.casefold()).translate(_FOLDED)
    kept = (
        char if char.isalnum() else "" if unicodedata.combining(char) or char in "'’ʻ`" else " "
        for char in plain
    )  # fmt: skip
    return "".join(kept).split()
