"""Decides from the history whether the caller heard a read-back and then said yes to it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime

from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog.mentions import find_mentions
from voicecore.dialog.plain_words import comma_words, contains_phrase, plain_words
from voicecore.dialog.speakable import speakable

_YES = comma_words(
    "yes,yeah,yep,yup,yes please,sure,okay,ok,correct,right,exactly,absolutely,definitely,"
    "certainly,of course,go ahead,please do,do it,do that,book it,book that,book me,"
    "cancel it,cancel that,move it,sounds good,sounds great,sounds perfect,that works,"
    "works for me,it works,perfect,great,good,fine,lovely,wonderful,excellent,deal,"
    "mm hmm,mhm,uh huh,you bet,why not,let's do it,let's do that,confirm,confirmed,i confirm,"
    "that's it,that is it,affirmative"
)
_NO = comma_words(
    "no,nope,nah,not,don't,do not,wait,hold on,actually,instead,but,rather,change,different,"
    "another,other,earlier,later,sooner,stop,never mind,nevermind,what about,how about,"
    "isn't,wasn't,won't,can't,cannot,doesn't,didn't,wrong,incorrect,sorry,unless,"
    "i'm good,i am good,i'm fine,maybe,perhaps,think about,not sure,hang on,"
    "one second,one moment,let me"
)
_QUESTION = comma_words("how,what,when,which,where,who,why")
_AGAINST = {
    "book_appointment": comma_words("cancel,forget it,leave it,scratch that,skip it"),
    "reschedule_appointment": comma_words("cancel,keep,leave it,stay,forget it,skip it"),
    "cancel_appointment": comma_words("keep,leave it,book it,move it,forget it,stay"),
}
"""Words that agree to something else than the tool does."""
_HARMLESS = re.compile(
    r"\b(?:no problem|not a problem|no worries|why not|don't worry|no thanks needed|"
    r"that's what i (?:want|wanted|need|said)|no that's (?:fine|right|correct|perfect|good|great)|"
    r"no that works|i don't mind|can't wait|but yes|what a relief)\b"
)


def says_yes(text: str) -> bool:
    """Say whether `text` agrees without taking anything back, asking or correcting."""
    plain = plain_words(text)
    harmless = _HARMLESS.search(plain) is not None
    rest = " ".join(_HARMLESS.sub(" ", plain).split())
    if contains_phrase(rest, _NO) or contains_phrase(rest, _QUESTION):
        return False
    return harmless or contains_phrase(rest, _YES)


def consented(
    history: Sequence[HistoryItem],
    *,
    tool: str,
    say: str,
    moments: Sequence[datetime],
    today: date,
    unwanted: frozenset[str] = frozenset(),
) -> bool:
    """Say whether the read-back `say` of `tool` was heard to its end and answered with a yes.

    The agent's turn right before the caller's last words must have been heard completely, must
    follow the tool's read-back and must name date and time of the last of `moments` (the one that
    is agreed to; a move has the old one before it). The answer may name no other day or time, and
    no plain phrase of `unwanted`, such as another car of the caller. A read-back without moments
    must have been said word for word.
    """
    answer, spoken, before = _last_exchange(history)
    if not answer or not spoken or not _was_read_back(before, tool, say):
        return False
    if not all(item.complete for item in spoken):
        return False
    said = plain_words(speakable(say))
    head, whole, tail = plain_words(" ".join(item.text for item in spoken)).rpartition(said)
    # Said word for word, the read-back counts from there on: an answer to a question before it
    # ("we open at eight") is no part of what is agreed to.
    heard = find_mentions(whole + tail if whole else head + tail, today)
    words = " ".join(item.text for item in answer)
    refused = contains_phrase(plain_words(words), unwanted | _AGAINST.get(tool, frozenset()))
    if not moments:
        return bool(whole) and says_yes(words) and not refused
    answered = find_mentions(words, today)
    target = moments[-1]
    if len(moments) == 1 and not heard.agrees_with(target):
        return False
    names_target = (target.month, target.day) in heard.dates and (
        target.hour * 60 + target.minute in heard.times
        or (target.hour * 60 + target.minute) % 720 in heard.half_times
    )
    return names_target and answered.agrees_with(target) and says_yes(words) and not refused


def _last_exchange(
    history: Sequence[HistoryItem],
) -> tuple[list[CallerSaid], list[AgentSaid], Sequence[HistoryItem]]:
    """Return the caller's last words, the agent's turn they answer, and all that came before.

    Words of the agent after the caller's last words do not count: they answer them.
    """
    end = len(history)
    while end and not isinstance(history[end - 1], CallerSaid):
        end -= 1
    answer: list[CallerSaid] = []
    spoken: list[AgentSaid] = []
    start = end
    while start:
        item = history[start - 1]
        if isinstance(item, CallerSaid):
            if spoken:
                break
            answer.insert(0, item)
        elif isinstance(item, AgentSaid):
            if spoken and item.turn != spoken[0].turn:
                break
            spoken.insert(0, item)
        elif spoken:
            break
        start -= 1
    return answer, spoken, history[:start]


def _was_read_back(before: Sequence[HistoryItem], tool: str, say: str) -> bool:
    return any(
        isinstance(item, ToolUsed) and item.name == tool and _read_back_text(item.content) == say
        for item in before
    )


def _read_back_text(content: str) -> str | None:
    try:
        result = json.loads(content)
    except ValueError:
        return None
    if isinstance(result, dict) and result.get("status") == "read_back":
        say = result.get("say")
        return say if isinstance(say, str) else None
    return None
