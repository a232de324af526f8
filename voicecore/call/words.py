"""What words mean for the turn: backchannel, stop word, question, finished or not."""

from __future__ import annotations

import re

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_MERIDIEM = re.compile(r"\b([ap])\.? ?m\b\.?")
_SENTENCE_BREAK = re.compile(r"[.!?]\s+(?=[^a-z])|[;:]\s+")
_TEXT_AFTER_QUESTION_WORDS = 2


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(phrase.split()) for phrase in text.split(","))


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


BACKCHANNELS = _phrases(
    "uh huh,uhhuh,uh hu,mhm,mm hmm,mmhmm,mm hm,mm,mmm,hm,hmm,hmm mm,uh,um,er,ah,oh,aha,"
    "yeah,yes,yep,yup,ya,ok,okay,k,right,sure,cool,great,good,fine,perfect,nice,wonderful,"
    "awesome,excellent,lovely,got it,gotcha,i see,i got it,i understand,understood,alright,"
    "all right,of course,exactly,correct,true,thanks,thank you,sounds good,sounds great,"
    "that's good,that's fine,that's right,makes sense,fair enough,very good,no problem,"
    "no worries,okey,okey dokey,absolutely,definitely,go on,go ahead,wow,really,oh wow,oh good"
)
STOP_PHRASES = _phrases(
    "stop,wait,hold on,hold up,hang on,no,nope,nah,not,don't,actually,excuse me,sorry,pardon,"
    "one moment,one second,one sec,one minute,just a moment,just a second,just a minute,"
    "a moment,a second,give me,never mind,nevermind,cancel,listen,but,let me,question,"
    "i have a question,quick question,can i,could i,enough,quiet,be quiet,shut up,hey,what,"
    "hello wait,forget it,that's wrong,that's not,scratch that"
)
FAREWELLS = BACKCHANNELS | _phrases(
    "bye,bye bye,goodbye,good bye,good night,thank you so much,thank you very much,thanks a lot,"
    "thanks so much,have a good day,have a nice day,have a great day,have a good one,"
    "have a good night,have a good evening,have a good weekend,see you,see you then,see you later,"
    "see ya,take care,you too,same to you,and you,and you too,that's all,that's it,cheers,so long"
)
SALUTATIONS = BACKCHANNELS | _phrases("hello,hi,hey,hi there,hello there,good morning,good day")
WHOLE_ANSWERS = _phrases(
    "yes,yeah,yep,yup,yes please,yeah please,please,please do,yes sure,sure,no,nope,nah,no thanks,"
    "no thank you,not really,ok,okay,correct,that's right,that's correct,right,exactly,"
    "that's all,that's it,that is all,that's everything,nothing else,nothing,of course,"
    "absolutely,definitely,sounds good,that works,works for me,perfect,great,thanks,thank you,"
    "bye,goodbye,yes it is,no it isn't,yes i do,no i don't,yes that's right,go ahead,do it,book it"
)
_DANGLING = _word_set(
    "and or but so because cause the a an to for with at of from my your our his their its on in "
    "by about if when while than as like um uh er hmm well i i'm i'd i've i'll it's is are was "
    "were am be been and/or maybe between until till after before into onto every some any "
    "near around also then there's we're we we'd they he she who's what's "
    "want need can could would should will"
)
_PARTICLES = _word_set("on in")
"""Words that end a sentence after a verb or an object ("bring it in") and dangle elsewhere."""
_TAKES_PARTICLE = _word_set(
    "come bring it them her him that this car truck van get check drop go hold hang back comes "
    "coming bringing brought came be am vehicle one is was put turn turned"
)
_AUXILIARIES = _word_set("want need can could would should will is are was were am")
"""Words that end an elliptic answer ("yes I can", "I think it is") and dangle elsewhere."""
_ELLIPSIS_SUBJECTS = _word_set("i it that this we you they he she")
_QUESTION_OPENERS = _word_set(
    "shall should would will can could may might do does did is are am was were have has what "
    "what's when when's where where's which who who's whose how how's why"
)
_DIGIT_WORDS = _word_set("zero oh o one two three four five six seven eight nine")
_REPEATS = {"double": 1, "triple": 2}
_NUMBER_LENGTHS = frozenset({7, 10, 11})
"""Digits of a whole North American number: local, national, with the country code."""
_VIN_LENGTH = 17
_MAX_PHRASE_WORDS = 4


def words_of(text: str) -> tuple[str, ...]:
    """Split a transcript into comparable words: lower case, no punctuation, "p.m." as "pm"."""
    plain = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return tuple(_WORD.findall(_MERIDIEM.sub(r"\1m", plain)))


def normalise(text: str) -> str:
    """Return the words of `text`, one blank between each two."""
    return " ".join(words_of(text))


def is_speakable(text: str) -> bool:
    """Tell whether a voice would make a sound of it: punctuation and blanks are no text."""
    return any(letter.isalnum() for letter in text)


def is_backchannel(text: str) -> bool:
    """Tell whether the words only say "go on" ("uh huh", "okay, got it")."""
    return _consists_of(words_of(text), BACKCHANNELS)


def may_become_backchannel(text: str) -> bool:
    """Tell whether the next word may make it one: "I" of "I see", "sounds" of "sounds good"."""
    words = words_of(text)
    rest = words[_skip(words, BACKCHANNELS) :]
    return bool(rest) and any(
        phrase[: len(rest)] == rest for phrase in BACKCHANNELS if len(phrase) > len(rest)
    )


def is_farewell(text: str) -> bool:
    """Tell whether the words only say goodbye, thanks or a backchannel."""
    return _consists_of(words_of(text), FAREWELLS)


def is_salutation(text: str) -> bool:
    """Tell whether the words only say hello or a backchannel."""
    return _consists_of(words_of(text), SALUTATIONS)


def is_stop_word(text: str) -> bool:
    """Tell whether the words ask for the floor: a stop phrase, at most backchannels before it."""
    words = words_of(text)
    start = _skip(words, BACKCHANNELS)
    return start < len(words) and _phrase_length(words, start, STOP_PHRASES) > 0


def is_question(heard: str) -> bool:
    """Tell whether the agent's heard text leaves the caller with a question.

    True as well for a question that was cut before its end (three of its words were heard), and
    for one that was followed by hardly anything: the caller needs a moment to start an answer.
    """
    head, mark, tail = heard.rpartition("?")
    if mark and is_speakable(head) and len(words_of(tail)) <= _TEXT_AFTER_QUESTION_WORDS:
        return True
    last = words_of(_SENTENCE_BREAK.split(heard.strip())[-1])
    finished = heard.rstrip().endswith((".", "!"))
    return not finished and len(last) >= 3 and last[0] in _QUESTION_OPENERS


def looks_incomplete(text: str) -> bool:
    """Tell whether more must follow: a dangling last word, or part of a number or a spelling."""
    stripped = text.rstrip()
    if stripped.endswith((",", "-", "…", "...")):
        return True
    words = words_of(stripped)
    if not words or stripped.endswith("?"):
        return False
    return _dangles(words) or _is_part_of_number(words) or _is_part_of_spelling(words)


def looks_complete(text: str) -> bool:
    """Tell whether the words are a whole answer: plain yes or no, a whole number, a VIN."""
    words = words_of(text)
    if _consists_of(words, WHOLE_ANSWERS):
        return True
    digits, _ = _trailing_digits(words)
    return digits == 10 or _trailing_spelling(words) == _VIN_LENGTH


def is_part_of(text: str, spoken: str) -> bool:
    """Tell whether the words of `text` occur in `spoken`, in one piece."""
    needle, hay = normalise(text), normalise(spoken)
    return bool(needle) and f" {needle} " in f" {hay} "


def _consists_of(words: tuple[str, ...], phrases: frozenset[tuple[str, ...]]) -> bool:
    return bool(words) and _skip(words, phrases) == len(words)


def _skip(words: tuple[str, ...], phrases: frozenset[tuple[str, ...]]) -> int:
    """Return how many leading words are phrases of the set, the longest phrase first."""
    at = 0
    while length := _phrase_length(words, at, phrases):
        at += length
    return at


def _phrase_length(words: tuple[str, ...], at: int, phrases: frozenset[tuple[str, ...]]) -> int:
    for length in range(_MAX_PHRASE_WORDS, 0, -1):
        if words[at : at + length] in phrases:
            return len(words[at : at + length])
    return 0


def _dangles(words: tuple[str, ...]) -> bool:
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last in _PARTICLES and before in _TAKES_PARTICLE:
        return False
    if last in _AUXILIARIES and before in _ELLIPSIS_SUBJECTS:
        return last in {"want", "need"}
    return last in _DANGLING


def _trailing_digits(words: tuple[str, ...]) -> tuple[int, int]:
    """Return how many digits end the text, and in how many words they were said."""
    digits = 0
    count = 0
    for word in reversed(words):
        if word in _DIGIT_WORDS:
            digits += 1
        elif word.isdigit():
            digits += len(word)
        elif word in _REPEATS and count:
            digits += _REPEATS[word]
        else:
            break
        count += 1
    return digits, count


def _is_part_of_number(words: tuple[str, ...]) -> bool:
    """Tell whether the text ends within a dictated number; a year or a price is one word."""
    digits, count = _trailing_digits(words)
    if words[-1] in _REPEATS:
        return True
    if _trailing_spelling(words) == _VIN_LENGTH or _is_time(words[len(words) - count :]):
        return False
    is_group = count > 1 or (count == 1 and digits == 3)
    return is_group and digits >= 3 and digits not in _NUMBER_LENGTHS


def _is_time(words: tuple[str, ...]) -> bool:
    """Tell whether these are the hour and the minutes of a clock, the minutes in figures."""
    if len(words) != 2 or not words[1].isdigit() or len(words[1]) != 2:
        return False
    return words[0] in _DIGIT_WORDS or int(words[0]) <= 12


def _trailing_spelling(words: tuple[str, ...]) -> int:
    """Return how many single letters and digits end the text."""
    count = 0
    for word in reversed(words):
        if len(word) > 1 and word not in _DIGIT_WORDS:
            break
        count += 1
    return count


def _is_part_of_spelling(words: tuple[str, ...]) -> bool:
    count = _trailing_spelling(words)
    letters = sum(1 for word in words[len(words) - count :] if word.isalpha() and len(word) == 1)
    return letters >= 2 and count >= 3 and count != _VIN_LENGTH
