"""Whole numbers as English words."""

from __future__ import annotations

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety"
ONES = _ONES.split()
"""The words of 0 to 19."""
TENS = _TENS.split()
"""The words of 0, 10, ... 90."""
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
LARGEST = 10**15 - 1


def cardinal(number: int) -> str:
    """Say a whole number: 42500 is "forty-two thousand five hundred".

    Raises:
        ValueError: `number` is negative or above `LARGEST`.
    """
    if not 0 <= number <= LARGEST:
        raise ValueError("number out of range")
    if number < 1000:
        return _below_thousand(number)
    words = []
    for size, name in _SCALES:
        count, number = divmod(number, size)
        if count:
            words.append(f"{_below_thousand(count)} {name}")
    if number:
        words.append(_below_thousand(number))
    return " ".join(words)


def ordinal(number: int) -> str:
    """Say a place in a row: 26 is "twenty-sixth"."""
    head, separator, last = _split_last_word(cardinal(number))
    if last in _IRREGULAR_ORDINALS:
        last = _IRREGULAR_ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return head + separator + last


def year(number: int) -> str:
    """Say a year between 1000 and 9999: 2019 is "twenty nineteen"."""
    century, rest = divmod(number, 100)
    if rest == 0:
        return cardinal(number) if century % 10 == 0 else f"{cardinal(century)} hundred"
    if century == 20 and rest < 10:
        return f"two thousand {cardinal(rest)}"
    return f"{cardinal(century)} {_two_digits(rest)}"


def digit_by_digit(digits: str) -> str:
    """Say each digit alone, zero as "oh": "0142" is "oh one four two"."""
    return " ".join("oh" if digit == "0" else ONES[int(digit)] for digit in digits)


def minute(number: int) -> str:
    """Say the minutes of a time: 5 is "oh five", 0 is empty."""
    return "" if number == 0 else _two_digits(number)


def _two_digits(number: int) -> str:
    return f"oh {ONES[number]}" if number < 10 else cardinal(number)


def _below_thousand(number: int) -> str:
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens] + (f"-{ONES[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{ONES[hundreds]} hundred" + (f" {_below_thousand(rest)}" if rest else "")


def _split_last_word(words: str) -> tuple[str, str, str]:
    cut = max(words.rfind(" "), words.rfind("-"))
    if cut < 0:
        return "", "", words
    return words[:cut], words[cut], words[cut + 1 :]
