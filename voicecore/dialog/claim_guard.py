"""Holds back a sentence that claims something the ledger does not show.

A claim is a sentence that states a deed as done ("you're booked", "I've cancelled it", "the text
is on its way"). Questions, offers, intentions and negations are no claims. In doubt a sentence
counts as a claim: silence about a fact costs a moment, a false claim costs a customer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from voicecore.dialog.ledger import Deed, Ledger
from voicecore.dialog.mentions import Mentions, find_mentions
from voicecore.dialog.plain_words import plain_words

_APPOINTMENT = (Deed.BOOKED, Deed.MOVED, Deed.CONFIRMED, Deed.ON_FILE)
_ESTIMATE = (Deed.ESTIMATE_APPROVED, Deed.ESTIMATE_DECLINED)
_ANY = (
    *(Deed.BOOKED, Deed.MOVED, Deed.CANCELLED, Deed.UPDATED, Deed.SENT, Deed.CONFIRMED),
    *_ESTIMATE,
)


@dataclass(frozen=True, slots=True)
class _Claim:
    """Words of a claim and the deeds of which one must have happened."""

    pattern: re.Pattern[str]
    deeds: tuple[Deed, ...]


_CLAIMS = (
    _Claim(
        re.compile(
            r"\b(?:re)?(?:booked|scheduled|reserved)\b|\bconfirmed\b|\blocked in\b|\bsecured\b|"
            r"\b(?:have|got|put|'ve|penciled|pencilled|squeezed|slotted|fit|got)(?: got)? you "
            r"(?:all )?(?:down|in|set|on the)\b|\byou(?:'re| are) (?:all |now )?(?:down|in|on) "
            r"(?:for|on|the)\b|\b(?:in|on) (?:the|our) (?:system|calendar|schedule|books?)\b|"
            r"\bsee you (?:on (?!file|our|the|record)|then|at|tomorrow|today|soon|this|next|"
            r"monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b|"
            r"\byour (?:appointment|booking|visit) (?:is|'s) (?:now )?(?:on|at|for)\b|"
            r"\b(?:is|are|it's|you're|that's)(?: all| now)? set for\b|\bexpecting you\b|"
            r"\bto seeing you\b|\b(?:confirmation|reference|booking) number\b|"
            r"\b(?<!if )(?<!whether )you(?:'ve got| have|'ve) "
            r"(?:an|your|the) (?:appointment|booking)\b|"
            r"\bmade (?:the|your|an|that) (?:appointment|booking)\b|"
            r"\b(?:appointment|booking|reservation) (?:is|has been|was) (?:made|created|complete)\b"
        ),
        _APPOINTMENT,
    ),
    _Claim(
        re.compile(
            r"\brescheduled\b|\bmoved\b|\bpushed (?:it|you|your)\b|\bshifted\b|\bswitched\b"
        ),
        (Deed.MOVED,),
    ),
    _Claim(re.compile(r"\bcancell?ed\b|\bcalled off\b"), (Deed.CANCELLED,)),
    _Claim(
        re.compile(
            r"\b(?:sent|texted|emailed|e mailed|messaged)\b|\b(?:on (?:its|the) way)\b|"
            r"\b(?:text|message|confirmation|sms|email) (?:is|has|was|went)(?: been)? "
            r"(?:out|delivered|gone)\b"
        ),
        (Deed.SENT,),
    ),
    _Claim(
        re.compile(r"\b(?:updated|changed|saved|corrected|registered)\b"),
        (Deed.UPDATED, Deed.MOVED),
    ),
    _Claim(
        re.compile(
            r"\b(?:approved|authori[sz]ed|declined)\b|\bpassed (?:it|that|this|your \w+) on\b|"
            r"\b(?:told|informed|notified) the (?:workshop|shop|mechanics?|technicians?)\b"
        ),
        _ESTIMATE,
    ),
    _Claim(
        re.compile(
            r"\ball set\b|\bgood to go\b|\bconsider it\b|\byou(?:'re| are) set\b|"
            r"^(?:okay |ok |great |perfect |alright )?(?:all )?done\b|"
            r"\b(?:it's|that's|it is|that is|everything is|everything's|all|is all) "
            r"(?:all )?(?:done|taken care of|sorted|settled|arranged|complete|completed|finalized|"
            r"finalised)\b|\btook care of (?:it|that)\b|\btaken care of\b|\bgone through\b|"
            r"\bwent through\b"
        ),
        _ANY,
    ),
)
_NO_CLAIM = re.compile(
    r"\b(?:fully|over|double) booked\b|\bbooked (?:up|solid|out)\b|"
    r"\b(?:not|never|isn't|hasn't|haven't|wasn't|aren't|nothing|no longer|n't)(?: \w+){0,3} "
    r"(?:re)?(?:booked|scheduled|reserved|confirmed|cancell?ed|moved|sent|changed|updated|done|set|"
    r"saved|approved|declined)\b|"
    r"\b(?:to be|would be|could be|can be|will be|won't be|be|get|gets|getting|to get|have it|"
    r"have that|want it|want that|like it|like that|like this|needs? to be|being)(?: \w+)? "
    r"(?:re)?(?:booked|scheduled|reserved|confirmed|cancell?ed|moved|sent|changed|updated|done|"
    r"saved|texted|emailed|approved|declined)\b|"
    r"\b(?:if|once|when|whether|before|until|unless|as soon as|after)\b[^,]{0,60}?\b(?:booked|"
    r"scheduled|reserved|confirmed|cancell?ed|moved|sent|changed|updated|done|saved|went through|"
    r"gone through)\b|"
    r"\b(?:regularly|already) scheduled maintenance\b|\bscheduled (?:maintenance|service)\b"
)
_ASKS = re.compile(
    r"^(?:(?:and|so|okay|ok|alright|great|perfect|sure|thanks|thank you|well|now|then|or)\s)*"
    r"(?:\w+ )?(?:shall|should|would|do|does|did|can|could|may|might|will|is|are|was|were|has|have|"
    r"what|when|which|who|where|how|why)\b"
)


def false_claim(sentence: str, ledger: Ledger, today: date) -> bool:
    """Say whether `sentence` claims a deed that `ledger` does not show for the time it names."""
    deeds = claimed_deeds(sentence)
    if not deeds:
        return False
    named = find_mentions(sentence, today)
    return not all(_shown(kinds, named, ledger) for kinds in deeds)


def claimed_deeds(sentence: str) -> list[tuple[Deed, ...]]:
    """Return, for each claim in `sentence`, the deeds of which one must have happened."""
    plain = plain_words(sentence)
    if sentence.rstrip(" \"')").endswith("?") and _ASKS.search(plain):
        return []
    plain = _NO_CLAIM.sub(" ", plain)
    return [claim.deeds for claim in _CLAIMS if claim.pattern.search(plain)]


def _shown(deeds: tuple[Deed, ...], named: Mentions, ledger: Ledger) -> bool:
    entries = ledger.entries(*deeds)
    if named.empty:
        return any(entry.deed is not Deed.ON_FILE for entry in entries)
    return any(entry.start is None or named.agrees_with(entry.start) for entry in entries)
