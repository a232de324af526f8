from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.dialog.sentences import LONGEST_CHARS, SentenceSplitter, plain_text


def split(text: str) -> list[str]:
    splitter = SentenceSplitter()
    return splitter.feed(text) + splitter.finish()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Sure. It is $49.95. Shall I?", ["Sure.", "It is $49.95.", "Shall I?"]),
        ("At 2 p.m. on Thursday. Okay?", ["At 2 p.m. on Thursday.", "Okay?"]),
        ("At two p.m. Shall I book it?", ["At two p.m.", "Shall I book it?"]),
        ("Ten a.m. Thursday or noon.", ["Ten a.m. Thursday or noon."]),
        ("Dr. Smith and Mr. J. Doe called.", ["Dr. Smith and Mr. J. Doe called."]),
        ("Well... maybe. Yes!", ["Well...", "maybe.", "Yes!"]),
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("1. Oil change\n2. **Tires**\n- *Brakes*", ["1. Oil change", "2. Tires", "Brakes"]),
        ("## Prices\n| oil | $5 |\n|---|---|", ["Prices", "oil $5"]),
        ("See [our site](https://x.example/a?b=1) now.", ["See our site now."]),
        ("`code` and ~~old~~ text", ["code and old text"]),
        ("vehicle_1 is yours", ["vehicle 1 is yours"]),
        ("mail a_b@c.example", ["mail a_b@c.example"]),
        ("Hello 😀!", ["Hello !"]),
        ("**$49.95** in all", ["$49.95 in all"]),
        ("#3 is next", ["#3 is next"]),
    ],
)
def test_pieces(text: str, pieces: list[str]) -> None:
    assert split(text) == pieces


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "**", "---\n", " — ", "😀"])
def test_what_cannot_be_spoken_is_nothing(text: str) -> None:
    assert split(text) == []


def test_a_question_is_spoken_without_waiting_for_the_next_token() -> None:
    assert SentenceSplitter().feed("Shall I book it?") == ["Shall I book it?"]


def test_a_dot_waits_for_what_follows() -> None:
    splitter = SentenceSplitter()
    assert splitter.feed("It costs $49.") == []
    assert splitter.feed("95 in all. ") == ["It costs $49.95 in all."]


def test_a_long_first_sentence_starts_at_a_clause() -> None:
    splitter = SentenceSplitter()
    text = "I have three times for the oil change on Thursday afternoon, the first one at one "
    assert splitter.feed(text) == ["I have three times for the oil change on Thursday afternoon,"]


def test_a_date_is_not_cut_at_its_comma() -> None:
    text = "For the oil change the next free time that I have is Thursday, November twenty-sixth "
    assert SentenceSplitter().feed(text) == []


def test_later_sentences_are_not_cut_at_clauses() -> None:
    text = "Sure. " + "I have three times for the oil change on that afternoon, the first at one. "
    assert len(split(text)) == 2


def test_finish_makes_the_splitter_new() -> None:
    splitter = SentenceSplitter()
    assert splitter.feed("no end") == []
    assert splitter.finish() == ["no end"]
    assert splitter.finish() == []


def test_a_piece_never_outgrows_the_speaker() -> None:
    pieces = split("word " * 1000)
    assert all(len(piece) <= LONGEST_CHARS for piece in pieces)
    assert " ".join(pieces).split() == ["word"] * 1000


def spoken_letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


PHRASE = "Dr. Yes. No! p.m. a.m. $49.95 2:30 e.g. Thursday, I we Shall **so** 1. J. \n etc."
ALPHABET = st.sampled_from("abcABC 0123.,;:!?…'\"()-—\n*_#|>@$%&éß語")
TEXTS = st.one_of(
    st.text(alphabet=ALPHABET, max_size=120),
    st.lists(
        st.sampled_from(PHRASE.split(" ")),
        max_size=40,
    ).map(" ".join),
)


@given(TEXTS, st.lists(st.integers(0, 120), max_size=12))
@settings(max_examples=250)
def test_no_word_is_lost_and_the_pieces_do_not_depend_on_the_deltas(
    text: str, cuts: list[int]
) -> None:
    whole = split(text)
    splitter, start, pieces = SentenceSplitter(), 0, []
    for cut in sorted(min(cut, len(text)) for cut in cuts):
        pieces += splitter.feed(text[start:cut])
        start = cut
    pieces += splitter.feed(text[start:]) + splitter.finish()
    assert pieces == whole
    assert spoken_letters("".join(whole)) == spoken_letters(text)


@given(st.text(max_size=80))
@settings(max_examples=100)
def test_any_text_is_taken(text: str) -> None:
    assert all(piece.strip() == piece and piece for piece in split(text))
    plain_text(text)


REPLIES = (
    "Sure, I can help with that. What is the phone number on your account?",
    "Thank you, Maria, I found your account. Is it for the 2019 Toyota Camry?",
    "I can offer Thursday, November 26th at two p.m., Friday at nine a.m., or Friday "
    "at eleven a.m. Which one would you like?",
    "An oil change for your 2019 Toyota Camry on Thursday, November twenty-sixth at "
    "two p.m. Shall I book it?",
    "You're booked for Thursday at two p.m. Is there anything else?",
    "An oil change costs $49.95, and it takes about thirty minutes. Would you like to book one?",
    "We're open Monday to Friday from eight to six, and on Saturday from nine to one.",
    "I'm sorry to hear that your brakes are squealing, let me find a time for an "
    "inspection. Which day suits you?",
    "For the Camry, I have Thursday at two or Friday at nine. Which do you prefer?",
    "No problem, I've noted that, so let's look at next week instead.",
    "Okay. One moment while I look that up for you.",
    "Your car is still in the workshop; the technician expects to be done by four p.m. today.",
)


def characters_until_the_first_piece(reply: str) -> int:
    splitter = SentenceSplitter()
    return next((at for at, sign in enumerate(reply, 1) if splitter.feed(sign)), len(reply))


def test_the_first_piece_of_typical_replies_is_out_early() -> None:
    """Measured: 45 characters on average; 55 while a clause had to have 48."""
    waits = [characters_until_the_first_piece(reply) for reply in REPLIES]
    assert sum(waits) / len(waits) <= 46
    assert sum(wait <= 50 for wait in waits) >= len(waits) * 0.7


def test_a_clause_that_states_a_deed_stays_with_its_day() -> None:
    reply = "I have booked the oil change for you, Maria, on Thursday at two p.m., as you wished."
    assert split(reply) == [reply]
    assert split("I can book the oil change for you, Maria, on Thursday.")[0].endswith("for you,")
