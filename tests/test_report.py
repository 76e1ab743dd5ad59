"""The report says what was seen, what was not, and what it is not; it needs no other file and fetches nothing."""

from __future__ import annotations

import base64
import functools
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import av
import numpy as np
import pytest
from timelines import make_timeline

from ahdetect.export import report
from ahdetect.export.material import Film, Material, Options, restrict, said_in
from ahdetect.export.report import bands, calibration, contents, html, percent, quality, seen, write_pdf
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, ChannelState, Presence
from ahdetect.provenance import NOTE
from ahdetect.store.annotations import HumanSegment, Verdict
from ahdetect.timeline import Timeline

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
HASH = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
VOID = {"meta", "img", "br", "link", "hr", "input"}


@pytest.fixture(autouse=True)
def _small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "DPI", 30)


class Page(HTMLParser):
    """Text, addresses and balance of the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def material(**changes: object) -> Material:
    timeline = make_timeline(12.0)
    timeline.info |= {"versions": {"ahdetect": "0.1.0"}, "models": {"face_landmarker.task": HASH}}
    timeline.segments = [replace(s, words=said_in(s, timeline.words)) for s in timeline.segments]
    segment = timeline.segments[0]
    span = segment.start_ns, segment.end_ns
    human = (
        HumanSegment("1", *span, Verdict.REJECT, "KM", "laughing <b>only</b>", "", span),
        HumanSegment("2", 9_000_000_000, 10_000_000_000, Verdict.ADD, "AB"),
    )
    events = (
        {"t_ns": 1_000_000_000, "kind": "prompt", "kind_of_prompt": "willing"},
        {"t_ns": 2_000_000_000, "kind": "marker", "note": "the phone rang"},
    )
    return replace(Material("p07", timeline, events, human, made_at=NOW), **changes)  # type: ignore[arg-type]


@functools.cache
def material_html() -> str:
    return html(material())


def default_page() -> Page:
    return Page(material_html())


def test_the_page_is_whole_and_loads_nothing() -> None:
    page = default_page()
    assert page.open == []
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "url(" not in material_html()


def test_it_says_what_was_seen_of_each_channel_and_why_not() -> None:
    rows = make_timeline(12.0).rows
    face, language = seen(rows, Channel.FACE), seen(rows, Channel.LANGUAGE)
    assert face.absent == pytest.approx(0.1, abs=0.01)
    assert face.reasons == (("no face", pytest.approx(0.1, abs=0.01)),)
    assert face.present + face.stale + face.absent == pytest.approx(1)
    assert language.stale == pytest.approx(0.04, abs=0.01)
    text = default_page().text
    assert "no face (10 %)" in text
    assert "words 1.2 s behind (4 %)" in text


def test_it_speaks_of_signs_and_of_a_model_and_never_of_what_a_person_is() -> None:
    text = default_page().text
    assert "Signs consistent with ambivalence/hesitancy, model estimate" in text
    assert NOTE in text
    assert "Unclear is a real answer" in text
    assert "Do not use it to hire, grade, rank or monitor people, to detect lies" in text
    assert not re.search(r"\b(is|was|were|are) (ambivalent|hesitant|lying)\b", text)


def test_what_people_say_stands_beside_the_model_s_segment() -> None:
    text = default_page().text
    assert "KM: rejected; “laughing <b>only</b>”" in text
    assert "9.0 – 10.0 AB added" in text
    assert "prompt willing" in text
    assert "the phone rang" in text


def test_versions_and_hashes_are_in_it() -> None:
    text = default_page().text
    assert HASH in text
    assert "0.1.0" in text


def test_calibration_names_the_profile_and_its_version() -> None:
    assert calibration({}) == "None was used; the population's values stood in"
    told = calibration({"profile": {"name": "p07", "version": 3, "kept_as_version": 4}})
    assert told == "Profile p07, version 3, was used; it learned in the session and was kept as version 4"


def test_an_empty_session_has_a_report_that_says_so() -> None:
    page = Page(html(Material("nothing", Timeline([], [], [], 0.0, {}), made_at=NOW)))
    assert page.open == []
    assert "img" not in page.tags
    assert "No stretch of this recording is elevated" in page.text
    assert "not recorded in this session" in page.text


def test_a_quality_that_was_never_measured_is_no_number() -> None:
    rows = [replace(r, cues=dict.fromkeys(Channel)) for r in make_timeline(2.0).rows]
    assert {value for _, value in quality(rows)} == {"not measured"}
    gone = {c: ChannelState(Presence.ABSENT, 0, "switched off") for c in Channel}
    assert seen([replace(r, states=gone) for r in rows], Channel.VOICE).reasons == (("switched off", 1.0),)


def test_the_bands_add_up_and_small_shares_are_not_zero() -> None:
    shares = bands(make_timeline(12.0).rows)
    assert [name for name, _ in shares] == [b.value for b in Band]
    assert sum(share for _, share in shares) == pytest.approx(1)
    assert [percent(x) for x in (0, 0.001, 0.5, 0.999, 1)] == ["0 %", "< 1 %", "50 %", "> 99 %", "100 %"]


def test_without_words_it_says_that_they_were_left_out() -> None:
    page = Page(html(restrict(material(options=Options(words=False)))))
    assert "Words and notes were left out of this report." in page.text
    timeline = make_timeline(12.0)
    words = said_in(timeline.segments[0], timeline.words)
    assert words in default_page().text
    assert words not in page.text
    assert "phone" not in page.text


def test_long_sessions_have_their_times_in_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "picture", lambda _: "")
    told = contents(material(timeline=make_timeline(130.0)))
    assert told["unit"] == "min:s"
    assert re.fullmatch(r"\d+:\d\d", told["segments"][0]["start"])


def test_no_moments_of_the_video_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    film = Film(path, path, clip=True)

    def height(options: Options) -> int:
        address = report.picture(material(film=film, options=options))
        png = base64.b64decode(address.split(",")[1])
        return int.from_bytes(png[20:24], "big")

    assert height(Options(stills=True)) > height(Options())
    assert "No pictures of the person are in it." in Page(html(material(film=film))).text
    assert "No pictures" not in Page(html(material(film=film, options=Options(stills=True)))).text


def test_the_pdf_has_pages_and_knows_its_title() -> None:
    pytest.importorskip("weasyprint")
    file = io.BytesIO()
    write_pdf(material(), file)
    content = file.getvalue()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert len(content) > 10_000
