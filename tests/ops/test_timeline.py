"""The page is whole, safe with any text, and shows what happened where it happened."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.timeline_call import answer, sample_call, speech
from voicecore.ops.mulaw_wav import stereo_mulaw_wav
from voicecore.ops.timeline import (
    AnswerGap,
    BargeInSpan,
    MarkPoint,
    SpeechSpan,
    Timeline,
    ToolSpan,
    render_timeline,
)

HOSTILE = (
    """</script><script>alert(1)</script></style><img src=x onerror=alert(2)>"'{{ 7*7 }}<!--"""
)
EMPTY = Timeline(title="Nothing", said=b"", heard=b"")
RATED = {"good", "fair", "slow"}


class Page(HTMLParser):
    """What a browser would make of the page: elements, texts, and content of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.inline: dict[str, str] = {}
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("style", "script"):
            self.inline[self._inside] = self.inline.get(self._inside, "") + data
        else:
            self.text += data

    def of_class(self, name: str) -> list[dict[str, str]]:
        return [kept for _, kept in self.elements if name in kept.get("class", "").split()]

    def place(self, element: dict[str, str]) -> tuple[float, float]:
        """Left edge and width in percent, from the element's generated rule."""
        name = next(word for word in element["class"].split() if re.fullmatch(r"p\d+", word))
        rule = re.search(rf"\.{name}\{{left:([\d.]+)%;width:([\d.]+)%\}}", self.inline["style"])
        assert rule is not None
        return float(rule[1]), float(rule[2])


@pytest.fixture(scope="module")
def sample() -> Page:
    return Page(render_timeline(sample_call()))


def hostile_call() -> Timeline:
    call = sample_call()
    return replace(
        call,
        title=HOSTILE,
        speeches=tuple(replace(span, text=HOSTILE, note=HOSTILE) for span in call.speeches),
        answers=(replace(call.answers[0], parts={HOSTILE: 5.0}),),
        barge_ins=tuple(replace(span, kind=HOSTILE) for span in call.barge_ins),
        marks=tuple(replace(mark, name=HOSTILE) for mark in call.marks),
        tools=tuple(
            replace(span, name=HOSTILE, arguments=HOSTILE, result=HOSTILE) for span in call.tools
        ),
    )


def test_no_text_becomes_markup(sample: Page) -> None:
    page = Page(render_timeline(hostile_call()))

    tags = [tag for tag, _ in page.elements]
    assert "img" not in tags
    assert tags.count("script") == tags.count("style") == 1
    assert page.inline["script"] == sample.inline["script"]
    assert page.text.count(HOSTILE) >= 10
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]


def test_the_policy_admits_the_page_s_own_style_and_script_alone(sample: Page) -> None:
    (policy,) = [kept["content"] for _, kept in sample.elements if "http-equiv" in kept]

    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["media-src"] == "data: blob:"
    for kind in ("style", "script"):
        digest = hashlib.sha256(sample.inline[kind].encode()).digest()
        assert directives[f"{kind}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert "unsafe" not in policy
    assert not [kept for _, kept in sample.elements if "style" in kept]


def test_nothing_on_the_page_points_outside_it(sample: Page) -> None:
    page = re.sub(r'"data:audio/wav;base64,[^"]*"', '""', render_timeline(sample_call()))

    assert not re.search(r"https?:|//[a-z]|url\(|@import|<link|<iframe", page)
    ids = {kept["id"] for _, kept in sample.elements if "id" in kept}
    targets = [kept["href"] for _, kept in sample.elements if "href" in kept]
    assert targets
    assert {target.removeprefix("#") for target in targets} <= ids


def test_each_answer_has_a_bracket_over_its_silence(sample: Page) -> None:
    brackets = sample.of_class("bracket")

    axis_s = 20.0 * 1.03
    assert [RATED & set(kept["class"].split()) for kept in brackets] == [{"good"}, {"slow"}]
    assert [sample.place(kept) for kept in brackets] == [
        pytest.approx((400 / axis_s, 70 / axis_s), abs=1e-3),
        pytest.approx((800 / axis_s, 120 / axis_s), abs=1e-3),
    ]
    assert "700 ms" in sample.text
    assert "1,200 ms" in sample.text


def test_barge_ins_show_the_cut_and_the_pause(sample: Page) -> None:
    interrupt, resume = sample.of_class("cut")

    assert "interrupt" in interrupt["class"].split()
    assert "resume" in resume["class"].split()
    assert sample.place(interrupt) == pytest.approx((710 / 20.6, 8 / 20.6), abs=1e-3)
    (held,) = sample.of_class("held")
    assert sample.place(held) == pytest.approx((1109 / 20.6, 51 / 20.6), abs=1e-3)
    assert "Agent silent 80 ms after the caller’s onset" in sample.text
    assert len(sample.of_class("unfinished")) == 1


def test_marks_and_tools_stand_in_their_lanes(sample: Page) -> None:
    marks = [kept for kept in sample.of_class("mark") if "data-tip" in kept]

    assert ["cleared" in kept["class"] for kept in marks] == [False, False, True, False]
    assert ["minor" in kept["class"] for kept in marks] == [True, False, False, False]
    assert [("failed" in kept["class"]) for kept in sample.of_class("bar")] == [False, True]


def test_every_turn_can_be_opened_and_tells_its_story(sample: Page) -> None:
    articles = [kept for tag, kept in sample.elements if tag == "article"]

    assert [kept["id"] for kept in articles] == ["turn-0", "turn-1", "turn-2", "turn-3"]
    for text in ("Greeting", "Two p.m., or Friday at", "cut off", "backchannel", "Searching the"):
        assert text in sample.text


def test_the_page_carries_both_tracks_byte_for_byte() -> None:
    said, heard = bytes(range(256)) * 40, bytes(reversed(range(256))) * 30
    page = Page(render_timeline(replace(EMPTY, said=said, heard=heard)))

    (source,) = [kept["src"] for tag, kept in page.elements if tag == "audio"]
    wav = base64.b64decode(source.removeprefix("data:audio/wav;base64,"))
    assert wav == stereo_mulaw_wav(said, heard)


def test_a_call_with_nothing_in_it_is_still_a_page() -> None:
    page = Page(render_timeline(EMPTY))

    assert "Nobody spoke in this call." in page.text
    assert "audio" not in [tag for tag, _ in page.elements]
    assert not page.of_class("bracket") + page.of_class("chip") + page.of_class("tool-lane")


def test_a_tone_shows_on_its_own_lane_alone() -> None:
    at = np.arange(8000)
    tone = bytes(np.where(at % 18 < 9, 0x90, 0x10).astype(np.uint8))
    call = replace(EMPTY, said=b"\xff" * 16000 + tone, heard=b"\xff" * 24000)
    page = Page(render_timeline(call))

    caller, agent = (kept["d"] for kept in page.of_class("peaks"))
    assert caller.startswith("M0 100h.5h199l1 -100")
    assert agent == "M0 100h.5h308h.5V100h-.5h-308h-.5z"


def test_ninety_seconds_of_loud_noise_stay_below_four_megabytes() -> None:
    noise = np.random.default_rng(7).integers(0, 256, 2 * 720_000, dtype=np.uint8).tobytes()
    call = replace(sample_call(), said=noise[:720_000], heard=noise[720_000:])

    assert len(render_timeline(call).encode()) < 4_000_000


def test_a_long_text_is_shortened_in_the_picture_and_whole_below() -> None:
    text = "word " * 400
    page = Page(render_timeline(replace(EMPTY, speeches=(speech("agent", 0.0, 9.0, text),))))

    (label,) = page.of_class("say")
    assert len(label["data-tip"]) < 300
    assert text in page.text


def test_a_broken_character_does_not_break_the_file() -> None:
    page = render_timeline(replace(EMPTY, speeches=(speech("caller", 0.0, 1.0, "a\ud800b"),)))

    assert "a?b" in page.encode().decode()


def test_crowded_labels_go_to_further_rows() -> None:
    answers = tuple(answer(turn, turn + 0.2, turn + 0.9) for turn in range(1, 30))
    page = Page(render_timeline(replace(EMPTY, said=b"\xff" * 480_000, answers=answers)))

    rows = [re.findall(r"row-\d", kept["class"])[0] for kept in page.of_class("bracket")]
    assert rows[:4] == ["row-0", "row-1", "row-2", "row-0"]


def test_an_unknown_engine_share_is_a_dash() -> None:
    gap = replace(answer(1, 1.0, 2.0), engine_ms=None)

    assert "engine –" in Page(render_timeline(replace(EMPTY, answers=(gap,)))).text


AT = st.floats(-5, 100)
TEXT = st.text(max_size=12)
MS = st.floats(-10, 1e5)


@settings(max_examples=30, deadline=None)
@given(
    st.builds(
        Timeline,
        title=TEXT,
        said=st.binary(max_size=200),
        heard=st.binary(max_size=200),
        speeches=st.lists(
            st.builds(
                SpeechSpan,
                who=st.sampled_from(["caller", "agent"]),
                start_s=AT,
                end_s=AT,
                text=TEXT,
                complete=st.booleans(),
                note=st.sampled_from(["", "interrupt", "backchannel"]),
            ),
            max_size=2,
        ).map(tuple),
        answers=st.lists(
            st.builds(
                AnswerGap,
                turn=st.integers(0, 9),
                from_s=AT,
                to_s=AT,
                voice_to_voice_ms=MS,
                engine_ms=st.none() | MS,
                parts=st.dictionaries(TEXT, MS, max_size=3),
            ),
            max_size=2,
        ).map(tuple),
        barge_ins=st.lists(
            st.builds(
                BargeInSpan,
                onset_s=AT,
                clear_s=AT,
                onset_to_clear_ms=MS,
                kind=st.sampled_from(["interrupt", "resume"]),
                resumed_s=st.none() | AT,
            ),
            max_size=2,
        ).map(tuple),
        marks=st.lists(
            st.builds(MarkPoint, at_s=AT, name=TEXT, cleared=st.booleans()), max_size=2
        ).map(tuple),
        tools=st.lists(
            st.builds(
                ToolSpan,
                start_s=AT,
                end_s=AT,
                name=TEXT,
                arguments=TEXT,
                result=TEXT,
                ok=st.booleans(),
            ),
            max_size=2,
        ).map(tuple),
    )
)
def test_any_call_gives_a_page_with_everything_on_the_axis(call: Timeline) -> None:
    page = Page(render_timeline(call))

    for name, count in (
        ("bracket", len(call.answers)),
        ("cut", len(call.barge_ins)),
        ("say", len(call.speeches)),
        ("bar", len(call.tools)),
    ):
        elements = page.of_class(name)
        assert len(elements) == count
        for element in elements:
            left, width = page.place(element)
            assert 0 <= left <= 100
            assert left + width <= 100.001
