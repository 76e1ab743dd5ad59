"""Every format is read back by a reader that is not ours and says what the session said; what must stay, stays."""

from __future__ import annotations

import csv
import io
import itertools
import json
import logging
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
import pyxdf
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio import textgrid
from pympi.Elan import Eaf
from timelines import make_timeline
from typer.testing import CliRunner

from ahdetect.annotated import read_annotated
from ahdetect.commands.export import app
from ahdetect.errors import AhdetectError, ConfigError, ConsentError, StoreError
from ahdetect.export import exporters, film, report
from ahdetect.export.elan import milliseconds
from ahdetect.export.exporters import EXPORTERS, Exporter, Holds, export, held
from ahdetect.export.masking import MASK, NameMask, read_names
from ahdetect.export.material import Film, Material, Options, material_of, restrict
from ahdetect.export.nova import sampled
from ahdetect.export.praat import without_gaps
from ahdetect.export.tables import write_tables
from ahdetect.export.tiers import Stretch, layers, missing, ranged
from ahdetect.models.cues import CUES, Channel
from ahdetect.models.posterior import ChannelState, Presence
from ahdetect.models.words import Word
from ahdetect.store.annotations import Annotations
from ahdetect.store.audit import Act, Audit
from ahdetect.store.consent import Consent, consent_text
from ahdetect.store.gate import agreed_entry
from ahdetect.store.reader import open_session
from ahdetect.store.schema import FRAMES_SCHEMA
from ahdetect.timeline import Timeline

pytestmark = pytest.mark.filterwarnings("ignore:Glyph")  # the font of the picture knows no emoji

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TEXTS = [name for name, e in EXPORTERS.items() if Holds.FACE not in e.holds and name != "report-pdf"]
ODD = [
    "<b>&amp;",
    'say "no"',
    "naïve-çà",
    "日本",
    "a;b",
    "x --> y",
    "\u0007bell",
    "🙂",
    "{\\i1}",
    "'tis",
    "\ud800",
    "a\nb",
]
EVENTS = [
    {"t_ns": 1_000_000_000, "kind": "prompt", "kind_of_prompt": "willing"},
    {"t_ns": 1_050_000_000, "kind": "marker", "note": "door; <slams> & Anna's cough"},
    {"t_ns": 2_000_000_000, "kind": "audio_anchor", "sample": 32_000},
]


@pytest.fixture(autouse=True)
def _small_pictures_and_own_anchors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AHDETECT_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(report, "DPI", 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session on disk, with two annotators who contradict each other."""
    place = tmp_path_factory.mktemp("sessions") / "p07"
    timeline = make_timeline(12.0)
    write_tables(timeline, place, EVENTS)
    tier = Annotations(place, now=lambda: NOW)
    tier.correct(timeline.segments[0], 4_000_000_000, 7_000_000_000, by="KM", note="starts with the pause")
    tier.add(6_500_000_000, 8_000_000_000, by="KM", note="Maria laughs")
    tier.reject(timeline.segments[0], by="Ö/2")
    return place


@pytest.fixture(scope="module")
def material(folder: Path) -> Material:
    return material_of(open_session(folder), made_at=NOW)


def with_words(*texts: str) -> Material:
    words = [Word(t, i * 400_000_000, i * 400_000_000 + 300_000_000, 0.8, True, 0) for i, t in enumerate(texts)]
    timeline = replace(make_timeline(6.0), words=words)
    return restrict(Material("odd", timeline, made_at=NOW))


def written(material: Material, name: str, end: str | None = None) -> bytes:
    """What an exporter writes into its main file, or into the one that ends with `end`."""
    file = io.BytesIO()
    EXPORTERS[name].files(material)[end or EXPORTERS[name].extension](material, file)
    return file.getvalue()


def on_disk(material: Material, name: str, folder: Path) -> Path:
    return export(material, [name], folder)[0]


def tiers_of(path: Path) -> dict[str, list[tuple[int, int, str]]]:
    eaf = Eaf(str(path))
    return {name: eaf.get_annotation_data_for_tier(name) for name in eaf.get_tier_names()}


def empty() -> Material:
    return Material("nothing", Timeline([], [], [], 0.0, {}), made_at=NOW)


def absent_face() -> Material:
    timeline = make_timeline(12.0)
    return Material("half", replace(timeline, words=[]), made_at=NOW)


# -- a row per frame


def test_parquet_has_a_row_per_frame_with_meaning_and_unit(material: Material) -> None:
    table = pq.read_table(io.BytesIO(written(material, "parquet")))
    assert table.num_rows == len(material.timeline.rows)
    assert table.column_names == FRAMES_SCHEMA.names
    assert table.column("p").to_numpy() == pytest.approx([r.p for r in material.timeline.rows])
    assert table.schema.field("voice_f0").metadata[b"unit"] == b"Hz"


def test_csv_says_the_same_as_parquet(material: Material) -> None:
    rows = list(csv.DictReader(io.StringIO(written(material, "csv").decode())))
    table = pq.read_table(io.BytesIO(written(material, "parquet"))).to_pylist()
    assert len(rows) == len(table)
    for mine, theirs in list(zip(rows, table, strict=True))[::60]:
        assert float(mine["p"]) == theirs["p"]
        assert mine["band"] == theirs["band"]
        for cue in CUES:
            value = theirs[cue.name]
            assert mine[cue.name] == "" if value is None else np.float32(mine[cue.name]) == np.float32(value)
        assert mine["top"] == "; ".join(cue["phrase"] for cue in theirs["top"])


def test_a_cue_that_was_absent_is_empty_and_not_zero() -> None:
    rows = list(csv.DictReader(io.StringIO(written(absent_face(), "csv").decode())))
    gone = [row for row in rows if row["state_face"] == "absent"]
    assert gone
    assert {row["face_yaw"] for row in gone} == {""}
    assert {row["reason_face"] for row in gone} == {"no face"}


def test_the_codebook_explains_every_column(material: Material) -> None:
    lines = list(csv.DictReader(io.StringIO(written(material, "csv", ".frames.codebook.csv").decode())))
    assert [line["column"] for line in lines] == FRAMES_SCHEMA.names
    assert all(line["meaning"] for line in lines)
    assert next(line for line in lines if line["column"] == "voice_f0")["unit"] == "Hz"


def test_segments_as_csv_are_read_by_the_importer(material: Material, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(written(material, "csv", ".segments.csv"))
    read = read_annotated(path)
    assert [(s.start_ns, s.end_ns) for s in read.stretches] == [
        (s.start_ns, s.end_ns) for s in material.timeline.segments
    ]


# -- ELAN


def test_pympi_reads_segments_words_events_and_both_annotators(material: Material, tmp_path: Path) -> None:
    tiers = tiers_of(on_disk(material, "eaf", tmp_path))
    segment = material.timeline.segments[0]
    [(start, end, label)] = tiers["A/H (model)"]
    assert (start, end) == (round(segment.start_ns / 1e6), round(segment.end_ns / 1e6))
    assert label.endswith("a 'but', a pause, pressed lips")
    assert [text for _, _, text in tiers["words"]] == [w.text for w in material.timeline.words]
    assert [start for start, _, _ in tiers["words"]] == [round(w.start_ns / 1e6) for w in material.timeline.words]
    assert tiers["A/H (human KM)"] == [(4000, 7000, "correct: starts with the pause")]
    assert tiers["A/H (human KM) 2"] == [(6500, 8000, "add: Maria laughs")]
    assert tiers["A/H (human Ö/2)"][0][2] == "reject"
    assert tiers["events"][0] == (1000, 1200, "prompt: willing")
    assert tiers["events 2"][0][2] == "marker: door; <slams> & Anna's cough"
    assert "absent: no face" in {label for _, _, label in tiers["missing face"]}
    assert "stale: words 1.2 s behind" in {label for _, _, label in tiers["missing language"]}


def test_an_eaf_has_the_order_the_references_and_the_types_of_the_schema(material: Material) -> None:
    root = ElementTree.fromstring(written(material, "eaf"))
    order = ["LICENSE", "HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "LANGUAGE", "CONSTRAINT"]
    places = [order.index(child.tag) for child in root]
    assert places == sorted(places)
    assert (root.get("VERSION"), root.get("FORMAT")) == ("3.0", "3.0")
    assert datetime.fromisoformat(str(root.get("DATE"))) == NOW
    times = {s.get("TIME_SLOT_ID"): int(str(s.get("TIME_VALUE"))) for s in root.iter("TIME_SLOT")}
    types = {t.get("LINGUISTIC_TYPE_ID") for t in root.iter("LINGUISTIC_TYPE")}
    names = [t.get("TIER_ID") for t in root.iter("TIER")]
    assert len(names) == len(set(names))
    ids = [a.get("ANNOTATION_ID") for a in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(ids) == len(set(ids))
    for tier in root.iter("TIER"):
        assert tier.get("LINGUISTIC_TYPE_REF") in types
        spans = [
            (times[a.get("TIME_SLOT_REF1")], times[a.get("TIME_SLOT_REF2")]) for a in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        assert all(0 <= start < end for start, end in spans)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def test_media_are_linked_by_name_only_and_not_where_they_may_not_leave(material: Material) -> None:
    clip = Film(Path("/somewhere/private/clip.mp4"), Path("/somewhere/private/clip.mp4"), clip=True)
    linked = written(replace(material, film=clip), "eaf").decode()
    assert 'RELATIVE_MEDIA_URL="./clip.mp4"' in linked
    assert "somewhere" not in linked
    without = restrict(replace(material, film=clip, options=Options(media=False)))
    assert "clip.mp4" not in written(without, "eaf").decode()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 5)), max_size=30))
def test_whole_milliseconds_stay_in_order_and_apart(spans: list[tuple[float, float]]) -> None:
    [*tiers] = layers("t", [Stretch(start, start + length, "x") for start, length in spans])
    assert sum(len(tier.stretches) for tier in tiers) == len(spans)
    for tier in tiers:
        found = milliseconds(tier.stretches)
        assert all(0 <= start < end for start, end, _ in found)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))
        filled = without_gaps(tier.stretches, 200.0)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(filled))
        assert filled[0][0] == 0
        assert filled[-1][1] == 200.0


def test_reasons_that_differ_in_a_number_only_are_one_stretch() -> None:
    rows = [
        replace(r, states=r.states | {Channel.FACE: ChannelState(Presence.STALE, 0, f"{60 + r.id} ms old")})
        for r in make_timeline(1.0).rows
    ]
    [stretch] = missing(rows, Channel.FACE, 1.0)
    assert stretch.label == f"stale: 60-{59 + len(rows)} ms old"
    assert ranged(["9.5 of 10", "10 of 10"]) == "9.5-10 of 10"


# -- Praat


def test_praatio_reads_the_same_tiers(material: Material, tmp_path: Path) -> None:
    grid = textgrid.openTextgrid(str(on_disk(material, "textgrid", tmp_path)), False, reportingMode="error")
    words = [(e.start, e.label) for e in grid.getTier("words").entries]
    assert [label for _, label in words] == [w.text for w in material.timeline.words]
    assert [start for start, _ in words] == pytest.approx([w.start_ns / 1e9 for w in material.timeline.words])
    assert grid.getTier("A/H (human KM)").entries[0].label == "correct: starts with the pause"
    assert grid.maxTimestamp == pytest.approx(material.timeline.duration_s)


# -- captions


@pytest.mark.parametrize("name", ["vtt", "srt"])
def test_webvtt_reads_every_word_in_captions_of_two_lines_at_most(
    name: str, material: Material, tmp_path: Path
) -> None:
    path = on_disk(material, name, tmp_path)
    found = (webvtt.read if name == "vtt" else webvtt.from_srt)(str(path))
    assert " ".join(c.text for c in found).split() == [w.text for w in material.timeline.words]
    assert all(len(c.text) <= 74 and c.end_in_seconds - c.start_in_seconds <= 7 for c in found)
    assert found[0].start == "00:00:00.400"


# -- NOVA


def nova(material: Material, key: str) -> tuple[ElementTree.Element, str]:
    head = ElementTree.fromstring(written(material, "nova", f".{key}.annotation"))
    return head, written(material, "nova", f".{key}.annotation~").decode()


def test_nova_reads_segments_with_their_mean_probability_as_confidence(material: Material) -> None:
    head, data = nova(material, "ah")
    rows = np.loadtxt(io.StringIO(data), delimiter=";", ndmin=2)
    segment = material.timeline.segments[0]
    assert rows[0] == pytest.approx([segment.start_ns / 1e9, segment.end_ns / 1e9, 0, segment.mean_p], abs=1e-3)
    assert head.find("info").attrib == {"ftype": "ASCII", "size": "1"}  # type: ignore[union-attr]
    assert head.find("scheme").get("type") == "DISCRETE"  # type: ignore[union-attr]
    assert [item.attrib for item in head.iter("item")] == [{"name": "A/H", "id": "0"}]


def test_nova_reads_the_probability_at_a_fixed_rate(material: Material) -> None:
    head, data = nova(material, "probability")
    scheme = head.find("scheme")
    assert scheme is not None
    rate = float(scheme.get("sr", "0"))
    rows = np.loadtxt(io.StringIO(data), delimiter=";")
    assert rate == 30.0
    assert len(rows) == int(material.timeline.duration_s * rate)
    at = 150
    nearest = max((r for r in material.timeline.rows if r.t_s <= at / rate + 1e-6), key=lambda r: r.t_s)
    assert rows[at] == pytest.approx([nearest.p_smoothed, 1 - (nearest.high - nearest.low)], abs=1e-4)


def test_nova_has_no_value_where_there_was_no_row() -> None:
    rows = [r for r in make_timeline(6.0).rows if not 2.0 < r.t_s < 4.0]
    p, confidence = sampled(rows, 6.0, 30.0)
    assert np.isnan(p[80:119]).all()
    assert (confidence[80:119] == 0).all()
    assert not np.isnan(p[121:170]).any()


def test_nova_has_an_annotation_per_person_and_the_words(material: Material) -> None:
    head, data = nova(material, "human-KM")
    assert data.splitlines()[0] == "4.000;7.000;1;1.000"
    assert head.find("meta").get("annotator") == "KM"  # type: ignore[union-attr]
    _, words = nova(with_words(*ODD), "words")
    assert {len(list(row)) for row in csv.reader(io.StringIO(words), delimiter=";")} == {4}


# -- XDF


def test_pyxdf_reads_estimate_channels_cues_words_and_markers(material: Material, tmp_path: Path) -> None:
    found, head = pyxdf.load_xdf(str(on_disk(material, "xdf", tmp_path)))
    streams = {s["info"]["name"][0]: s for s in found}
    rows = material.timeline.rows
    assert head["info"]["version"] == ["1.0"]
    estimate = streams["ahdetect-AH"]
    assert estimate["time_stamps"] == pytest.approx([r.t_s for r in rows])
    assert estimate["time_series"][:, 0] == pytest.approx([r.p for r in rows], abs=1e-6)
    assert estimate["footer"]["info"]["sample_count"] == [str(len(rows))]
    cues = streams["ahdetect-cues"]
    labels = [c["label"][0] for c in cues["info"]["desc"][0]["channels"][0]["channel"]]
    assert labels == [c.name for c in CUES]
    no_face = [not r.face_seen for r in rows]
    yaw = cues["time_series"][:, labels.index("face_yaw")]
    assert np.isnan(yaw[no_face]).all()
    assert not np.isnan(yaw[np.logical_not(no_face)]).any()
    assert [s[0] for s in streams["ahdetect-words"]["time_series"]] == [w.text for w in material.timeline.words]
    markers = [s[0] for s in streams["ahdetect-markers"]["time_series"]]
    assert markers[0] == "prompt: willing"
    assert "A/H onset (human KM): correct" in markers


def test_xdf_holds_more_samples_than_a_chunk_and_texts_of_any_length(tmp_path: Path) -> None:
    long = make_timeline(140.0)
    text = "é" * 400
    words = [replace(long.words[0], text=text)]
    [stream] = [
        s
        for s in pyxdf.load_xdf(
            str(on_disk(Material("long", replace(long, words=words), made_at=NOW), "xdf", tmp_path))
        )[0]
        if s["info"]["name"][0] in ("ahdetect-AH",)
    ]
    assert len(stream["time_stamps"]) == len(long.rows) > 4096
    [words_stream] = pyxdf.load_xdf(str(tmp_path / "long.xdf"), [{"name": "ahdetect-words"}])[0]
    assert words_stream["time_series"] == [[text]]


# -- odd, empty, absent


READERS: dict[str, Callable[[Path], Any]] = {
    "eaf": tiers_of,
    "textgrid": lambda path: textgrid.openTextgrid(str(path), True, reportingMode="error"),
    "vtt": lambda path: webvtt.read(str(path)),
    "srt": lambda path: webvtt.from_srt(str(path)),
    "xdf": lambda path: pyxdf.load_xdf(str(path)),
    "parquet": pq.read_table,
    "csv": lambda path: list(csv.reader(path.open(encoding="utf-8"))),
    "report-html": lambda path: path.read_text(encoding="utf-8"),
    "nova": lambda path: ElementTree.parse(path),
}


def test_every_text_format_has_a_reader_here() -> None:
    assert set(READERS) == set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("make", [empty, absent_face, lambda: with_words(*ODD)], ids=["empty", "no words", "odd words"])
def test_every_format_is_readable_whatever_the_session_holds(
    name: str, make: Callable[[], Material], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    material = make()
    if name in ("vtt", "srt") and not material.timeline.words:
        path = on_disk(material, name, tmp_path)
        assert path.read_text() in ("", "WEBVTT\n")
        return
    if name == "textgrid" and not material.timeline.rows:
        assert "tiers? <absent>" in on_disk(material, name, tmp_path).read_text()
        return
    with caplog.at_level(logging.WARNING, logger="pyxdf"):
        READERS[name](on_disk(material, name, tmp_path))


def test_odd_words_come_back_as_they_were(tmp_path: Path) -> None:
    material = with_words(*ODD)
    said = [w.text for w in material.timeline.words]
    assert said[:6] == ODD[:6]
    assert said[6] == "\ufffdbell"
    assert said[-2:] == ["\ufffd", "a b"]
    assert [label for _, _, label in tiers_of(on_disk(material, "eaf", tmp_path))["words"]] == said
    grid = textgrid.openTextgrid(str(on_disk(material, "textgrid", tmp_path)), False, reportingMode="error")
    assert [e.label for e in grid.getTier("words").entries] == said
    read = " ".join(c.text for c in webvtt.read(str(on_disk(material, "vtt", tmp_path))))
    assert "naïve-çà 日本" in read


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.text(min_size=1, max_size=12), max_size=6))
def test_any_text_at_all_makes_a_readable_eaf_and_vtt(texts: list[str]) -> None:
    material = with_words(*texts)
    root = ElementTree.fromstring(written(material, "eaf"))
    [words] = [t for t in root.iter("TIER") if t.get("TIER_ID") == "words"]
    assert [v.text for v in words.iter("ANNOTATION_VALUE")] == [w.text for w in material.timeline.words if w.text]
    captions = webvtt.from_string(written(material, "vtt").decode())
    assert bool(captions.captions) == any(w.text for w in material.timeline.words)


# -- what may not leave


def secret() -> Material:
    words = ["So", "I", "told", "Zebedee", "that", "zuckini", "grows."]
    timeline = make_timeline(6.0)
    said = [Word(t, 2_000_000_000 + i * 200_000_000, 2_100_000_000 + i * 200_000_000, 0.9, True, 0)
            for i, t in enumerate(words)]  # fmt: skip
    segment = replace(timeline.segments[0], phrases=("a hedge (zuckini)", "a pause"), words="Zebedee zuckini")
    events = ({"t_ns": 0, "kind": "marker", "note": "saw Zebedee: zuckini"},)
    return Material("s", replace(timeline, words=said, segments=[segment]), events, made_at=NOW)


@pytest.mark.parametrize("name", [n for n in TEXTS if n not in ("vtt", "srt")])
def test_without_words_no_file_holds_one(name: str) -> None:
    material = restrict(replace(secret(), options=Options(words=False)))
    for end, write in EXPORTERS[name].files(material).items():
        file = io.BytesIO()
        write(material, file)
        assert not re.search(rb"zuckini|Zebedee", file.getvalue(), re.IGNORECASE), end


@pytest.mark.parametrize("name", TEXTS)
def test_masked_names_are_in_no_file_and_the_other_words_are(name: str) -> None:
    material = restrict(replace(secret(), options=Options(mask_names=True)))
    everything = b""
    for write in EXPORTERS[name].files(material).values():
        file = io.BytesIO()
        write(material, file)
        everything += file.getvalue()
    assert b"ebedee" not in everything
    if Holds.WORDS in EXPORTERS[name].holds:
        assert b"zuckini" in everything
        assert MASK.encode() in everything


@pytest.mark.parametrize("options", [Options(mask_names=True), Options(media=False)])
def test_the_name_of_the_clip_which_may_be_a_person_s_goes_too(options: Options, material: Material) -> None:
    assert b"made-up.mp4" in written(material, "report-html")
    film = Film(Path("made-up.mp4"), Path("made-up.mp4"), clip=True)
    bare = restrict(replace(material, film=film, options=options))
    assert b"made-up.mp4" not in written(bare, "report-html")
    assert b"made-up.mp4" not in written(bare, "eaf")
    assert Holds.LINKS.value not in held(bare, ["eaf", "report-html"])


def said(text: str) -> list[Word]:
    return [Word(t, i, i + 1, 1.0, True, 0) for i, t in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "names", "masked"),
    [
        ("Then I met Anna, and I'm glad.", (), "Then I met [name], and I'm glad."),
        ("We saw Anna's dog. Anna left.", (), "We saw [name]'s dog. [name] left."),
        ("Will came. I will go.", (), "Will came. I will go."),
        ("I asked Will. I will go. Will left.", (), "I asked [name]. I will go. Will left."),
        ("maria and Jo. Jo said so", ("maria", "jo"), "[name] and [name]. [name] said so"),
        ("I saw (Jean-Luc) there", (), "I saw ([name]) there"),
        ("But... I know. I'd go", (), "But... I know. I'd go"),
    ],
)
def test_names_are_masked_inside_sentences_and_from_the_list(text: str, names: tuple[str, ...], masked: str) -> None:
    words = said(text)
    assert " ".join(w.text for w in NameMask(words, names).words(words)) == masked


def test_a_list_of_names_is_read_and_a_bad_one_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("Anna Müller\nO'Neil\n\n", encoding="utf-8")
    assert read_names(path) == {"anna", "müller", "o'neil"}
    for content in (b"", b"\n \n", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match="list of names"):
            read_names(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_names(tmp_path / "none.txt")


def test_the_line_about_personal_data_names_what_is_there_and_no_more(material: Material) -> None:
    everything = [Holds.ESTIMATES.value, Holds.WORDS.value, Holds.NOTES.value]
    assert held(material, ["textgrid"]) == everything
    assert held(material, ["eaf"]) == [*everything, Holds.LINKS.value]  # the name of the clip
    bare = restrict(replace(material, options=Options(words=False, media=False), human=(), events=()))
    assert held(bare, ["eaf"]) == [Holds.ESTIMATES.value]
    clip = Film(Path("c.mp4"), None, clip=True)
    assert held(replace(material, film=clip), ["mp4"]) == ["the face"]
    assert held(replace(material, film=clip, options=Options(blur_face=True)), ["mp4"]) == [
        "the body and a blurred face"
    ]
    assert "the face" in held(replace(material, film=clip, options=Options(stills=True)), ["report-html"])
    assert "names masked by a guess" in held(replace(material, options=Options(mask_names=True)), ["vtt"])[0]


# -- films


def clip(path: Path) -> Path:
    """2 s of a grey picture with a bright square that stands for a face, and a tone."""
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("libx264", rate=10), container.add_stream("aac", rate=16_000, layout="mono")
        video.width, video.height, video.pix_fmt = 161, 120, "yuv420p"
        video.width = 160
        for i in range(20):
            picture = np.full((120, 160, 3), 40, np.uint8)
            picture[40:80:2, 60:100] = 250
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = i
            container.mux(video.encode(frame))
            tone = (np.sin(np.arange(1600) * 0.2) * 8000).astype(np.int16)[None]
            sound = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
            sound.sample_rate, sound.pts = 16_000, i * 1600
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def pictures(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(float(f.time), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


@pytest.mark.parametrize("name", ["mp4", "mkv"])
def test_a_film_keeps_every_picture_its_time_and_the_sound(name: str, tmp_path: Path, material: Material) -> None:
    source = clip(tmp_path / "in.mp4")
    path = on_disk(replace(material, film=Film(source, source, clip=True)), name, tmp_path / "out")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = pictures(path)
    assert [t for t, _ in found] == pytest.approx([i / 10 for i in range(20)], abs=0.002)
    assert found[5][1][60, 80, 0] > 150
    with av.open(str(path)) as container:
        sound = np.concatenate([f.to_ndarray()[0].astype(float) for f in container.decode(audio=0)])
        assert len(sound) == pytest.approx(32_000, abs=2100)
        assert np.abs(sound[8000:24_000]).mean() > 0


@dataclass
class Sealed:
    """A file that has to be opened by a call, as those of an encrypted session; it cannot be hashed."""

    path: Path

    def __call__(self) -> Any:
        return self.path.open("rb")


def test_a_film_is_made_of_sealed_files_too_and_nothing_links_to_them(tmp_path: Path, material: Material) -> None:
    source = Sealed(clip(tmp_path / "secret.mp4"))
    sealed = replace(material, film=Film(source, source, 0, 0))
    assert len(pictures(on_disk(sealed, "mkv", tmp_path / "out"))) == 20
    assert b"secret" not in written(sealed, "eaf")
    assert Holds.LINKS.value not in held(restrict(replace(sealed, options=Options(mask_names=True))), ["eaf"])


def test_the_face_is_blurred_and_the_rest_is_not(
    tmp_path: Path, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finder:
        def __call__(self, packet: Any) -> film.Box | None:
            return (60, 40, 100, 80) if packet.seq != 7 else None

        def close(self) -> None:
            pass

    monkeypatch.setattr(film, "FaceFinder", Finder)
    source = clip(tmp_path / "in.mp4")
    blurred = replace(material, film=Film(source, source, clip=True), options=Options(blur_face=True))
    plain = replace(blurred, options=Options())
    before, after = (pictures(on_disk(m, "mp4", tmp_path / n)) for m, n in ((plain, "a"), (blurred, "b")))

    def stripes(picture: np.ndarray) -> float:
        return float(np.abs(np.diff(picture[42:78, 64:96, 0].astype(int), axis=0)).mean())

    assert stripes(before[3][1]) > 60
    assert stripes(after[3][1]) < 12
    assert stripes(after[7][1]) < 12  # no face found: all of the picture
    assert after[7][1].max() < 120
    assert after[3][1][5, 5] == pytest.approx(before[3][1][5, 5], abs=6)


@pytest.mark.parametrize("box", [(-50, -50, -20, -20), (10, 10, 10, 10), (0, 0, 160, 120), (150, 110, 400, 300)])
def test_a_box_at_the_edge_or_beyond_it_hides_something_and_never_fails(box: film.Box) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    hidden = film.hide(picture, box)
    assert hidden.shape == picture.shape
    assert (hidden != picture).any()


# -- all or nothing


def test_nothing_is_overwritten_and_nothing_is_left_of_an_export_that_fails(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk(material, "srt", tmp_path)
    before = (tmp_path / "p07.srt").read_bytes()
    with pytest.raises(StoreError, match=r"p07\.srt stands there already"):
        export(material, ["eaf", "srt"], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["p07.srt"]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(EXPORTERS, "xdf", replace(EXPORTERS["xdf"], files=lambda _: {".xdf": full}))
    with pytest.raises(StoreError, match="No space left"):
        export(material, ["eaf", "xdf"], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["p07.srt"]
    assert (tmp_path / "p07.srt").read_bytes() == before


def test_files_are_for_their_owner_only(material: Material, tmp_path: Path) -> None:
    files = export(material, TEXTS, tmp_path / "new")
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert len({f.name for f in files}) == len(files)


def test_no_file_names_the_machine_or_its_folders(material: Material, folder: Path) -> None:
    for name in TEXTS:
        for end, write in EXPORTERS[name].files(material).items():
            file = io.BytesIO()
            write(material, file)
            assert str(folder.parent).encode() not in file.getvalue(), end


def test_a_plug_in_adds_a_row_to_the_table(material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Exporter("a line", ".txt", lambda _: {".txt": lambda m, f: f.write(m.name.encode()) and None}, ())
    monkeypatch.setitem(EXPORTERS, "mine", mine)
    assert on_disk(material, "mine", tmp_path).read_text() == "p07"
    assert "mine" in exporters.chosen(["mine", "EAF"])


@pytest.mark.parametrize(
    ("names", "options", "match"),
    [
        (["docx"], Options(), "'docx' is no format"),
        ([""], Options(), "No format was named"),
        (["vtt"], Options(words=False), "nothing but words"),
        (["mp4"], Options(media=False), "--no-media leaves out"),
        (["mkv"], Options(), "holds no pictures and no sound"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    names: list[str], options: Options, match: str, material: Material, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=match):
        export(restrict(replace(material, options=options)), names, tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_missing_weasyprint_is_one_sentence_and_nothing_is_written(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    with pytest.raises(ConfigError, match=r"pip install 'ahdetect\[report\]'"):
        report.load_weasyprint()
    with pytest.raises(ConfigError):
        export(material, ["eaf", "report-pdf"], tmp_path / "no")
    assert not (tmp_path / "no").exists()


# -- the command


def run(*args: str) -> Any:
    return CliRunner().invoke(app, list(args))


def test_the_command_writes_the_formats_and_says_what_they_hold(folder: Path, tmp_path: Path) -> None:
    done = run(str(folder), "--to", "eaf, srt", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["p07.eaf", "p07.srt"]
    assert "Of the person it holds estimates and cues of one person over time, words as heard" in done.output


def test_the_command_speaks_json_and_takes_a_name_and_options(folder: Path, tmp_path: Path) -> None:
    args = ("--to", "csv", "--out", str(tmp_path), "--name", "case1", "--no-words", "--json")
    done = run(str(folder), *args)
    found = json.loads(done.stdout)
    assert {Path(f).name for f in found["files"]} == {
        "case1.frames.csv",
        "case1.segments.csv",
        "case1.frames.codebook.csv",
    }
    assert found["holds"] == [Holds.ESTIMATES.value]


def agreed(folder: Path, place: Path, *purposes: str) -> Path:
    """A copy of the session, with a record of consent, in a store that keeps a log."""
    copytree(folder, place / "s")
    path = place / "s" / "session.json"
    info = json.loads(path.read_text())
    record = Consent.given(purposes, consent_text(), person="p07", at=NOW)
    path.write_text(json.dumps(info | {"id": "abc", "consent": agreed_entry(record)}))
    Audit(place).append(Act.START, "abc")
    return place / "s"


def test_an_export_keeps_to_the_consent_and_stands_in_the_log(folder: Path, tmp_path: Path) -> None:
    mine = agreed(folder, tmp_path, "analysis")
    assert run(str(mine), "--to", "srt", "--out", str(tmp_path / "out")).exit_code == 0
    refused = run(str(mine), "--to", "mp4", "--out", str(tmp_path / "no"))
    assert isinstance(refused.exception, ConsentError)
    assert not (tmp_path / "no").exists()
    [line] = [entry for entry in Audit(tmp_path).lines() if entry["what"] == Act.EXPORT]
    assert line["session"] == "abc"
    assert "srt" in json.dumps(line)


def test_nothing_is_exported_of_an_analysis_nobody_agreed_to(folder: Path, tmp_path: Path) -> None:
    mine = agreed(folder, tmp_path, "recording")
    assert isinstance(run(str(mine), "--to", "csv", "--out", str(tmp_path / "no")).exception, ConsentError)


@pytest.mark.parametrize(
    "args",
    [
        ["--to", "eaf"],
        ["nowhere", "--to", "eaf"],
        ["{folder}"],
        ["{folder}", "--to", "eaf", "--name", "../x"],
        ["{folder}", "--to", "eaf", "--name", ".."],
        ["{folder}", "--to", "report-html", "--stills", "--blur-face"],
        ["{folder}", "--to", "report-html", "--stills", "--no-media"],
        ["{folder}", "--to", "vtt", "--names", "{folder}/none.txt"],
    ],
)
def test_bad_input_is_one_of_our_errors(args: list[str], folder: Path, tmp_path: Path) -> None:
    done = run(*(a.format(folder=folder) for a in args), "--out", str(tmp_path / "out"))
    assert isinstance(done.exception, AhdetectError)
    assert not (tmp_path / "out").exists()


def test_the_list_names_every_format_and_what_it_holds() -> None:
    found = json.loads(run("--list", "--json").stdout)
    assert [entry["name"] for entry in found] == list(EXPORTERS)
    assert all(entry["what"] and entry["holds"] for entry in found)


def test_the_page_of_exports_has_every_format_and_its_files(material: Material) -> None:
    page = (Path(__file__).parent.parent / "docs" / "exports.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (`\.[^|]+) \|", page, re.MULTILINE))
    assert list(rows) == list(EXPORTERS)
    for name, exporter in EXPORTERS.items():
        assert f"`{exporter.extension}`" in rows[name]
        if "..." not in rows[name]:
            assert set(re.findall(r"`(\.[^`]+)`", rows[name])) == set(exporter.files(material))


def test_every_channel_that_was_missing_has_its_tier(tmp_path: Path) -> None:
    gone = {f"missing {c.value}" for c in (Channel.FACE, Channel.LANGUAGE)}
    assert gone == {t for t in tiers_of(on_disk(absent_face(), "eaf", tmp_path)) if t.startswith("missing")}
