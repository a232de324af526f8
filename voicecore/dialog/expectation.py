"""Tells from the agent's own words what kind of answer its last question asks for."""

from __future__ import annotations

import re

from voicecore.call.expecting import Expecting
from voicecore.dialog.plain_words import plain_words

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_KINDS = (
    (Expecting.CODE, re.compile(r"\b(?:digit code|the code|code by text)\b")),
    (
        Expecting.PHONE,
        re.compile(
            r"\b(?:phone|telephone|mobile|cell|callback|contact|best|good|your) number\b|"
            r"\bnumber (?:to reach|to call|on (?:file|the account|your account))\b|"
            r"\barea code\b|\bcall you back (?:at|on)\b"
        ),
    ),
    (Expecting.VIN, re.compile(r"\bvin\b|\bv i n\b|\bvehicle identification number\b")),
    (Expecting.PLATE, re.compile(r"\b(?:license|licence|number) plate\b|\bplate number\b")),
    (Expecting.EMAIL, re.compile(r"\be ?mail\b")),
    (Expecting.NAME, re.compile(r"\bname\b|\bspell\b")),
)
_GIVES = re.compile(
    r"\b(?:tell|give|say|read|spell|repeat|what|what's|which|who|may i have|can i (?:have|get)|"
    r"could i (?:have|get)|do you (?:have|know)|need|please)\b"
)
_OPENING = r"^(?:(?:and|so|okay|ok|great|perfect|alright|then|well|now|thank you|thanks) )*"
_ASKS = re.compile(
    _OPENING
    + r"(?:shall|should|would|will|do|does|did|is|are|am|was|were|has|have|can|could|may) |"
    r"\b(?:right|correct|okay)$"
)
_NAMES_ONLY = re.compile(_OPENING + r"(?:your|the) (?:\w+ ){1,4}\w+$")
"""A question that only names what it asks for: "And your last name?"."""
_CHOICE = re.compile(r"\bor\b|\bwhich\b|\bwhat\b|\bwhen\b|\bhow\b|\bwhere\b|\bwho\b|\bwhy\b")
_REQUEST = re.compile(r"\b(?:tell|give|say|read|spell|repeat|help)\b")

_MOST_WORDS_AFTER = 8
"""A sentence of so many words behind a question still leaves the caller with the question."""


def expected_answer(said: str) -> Expecting | None:
    """Return the kind of answer that the reply `said` asks for; None: no certain one."""
    question = _last_question(said)
    if question is None:
        return None
    kinds = [kind for kind, pattern in _KINDS if pattern.search(question)]
    if Expecting.CODE in kinds:
        kinds = [Expecting.CODE]
    if Expecting.NAME in kinds and "spell" in question and len(kinds) > 1:
        kinds.remove(Expecting.NAME)
    if kinds and (_GIVES.search(question) or _NAMES_ONLY.search(question)):
        return kinds[0] if len(kinds) == 1 else None
    is_yes_no = _ASKS.search(question) and not _CHOICE.search(question)
    return Expecting.YES_NO if is_yes_no and not _REQUEST.search(question) else None


def _last_question(said: str) -> str | None:
    """Return the last sentence that asks, with the one before where it only asks for "it"."""
    sentences = [sentence for sentence in _SENTENCE_END.split(said.strip()) if sentence.strip()]
    while sentences and not sentences[-1].rstrip("\"' ").endswith("?"):
        sentence = sentences.pop()
        plain = plain_words(sentence)
        if plain.startswith("please "):
            return plain
        if len(plain.split()) > _MOST_WORDS_AFTER:
            return None
    if not sentences:
        return None
    question = plain_words(sentences[-1])
    if len(sentences) > 1 and re.search(r"\b(?:it|that|them)\b", question):
        return f"{plain_words(sentences[-2])} {question}" if _REQUEST.search(question) else question
    return question
