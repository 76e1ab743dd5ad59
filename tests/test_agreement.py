"""Agreement figures are those of their definitions; annotation files of people are read, or refused in a sentence."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pympi.Elan import Eaf
from sklearn.metrics import cohen_kappa_score, f1_score
from timelines import make_timeline
from typer.testing import CliRunner

from ahdetect.agreement import agree, inside, overlaps, union
from ahdetect.annotated import NO, Stretch, read_annotated
from ahdetect.commands.agreement import app
from ahdetect.errors import AhdetectError, ConfigError, DataError
from ahdetect.export.exporters import export
from ahdetect.export.material import material_of
from ahdetect.export.tables import write_tables
from ahdetect.store.annotations import Annotations, read_annotations
from ahdetect.store.reader import open_session

S = 1_000_000_000
TIMES = list(range(0, 20 * S, S // 25))


@dataclass(frozen=True)
class Span:
    start_ns: int
    end_ns: int


def spans(*seconds: tuple[float, float]) -> list[Span]:
    return [Span(round(a * S), round(b * S)) for a, b in seconds]


# -- figures


def test_the_same_segments_agree_in_full() -> None:
    both = spans((2, 4), (10, 13))
    found = agree(TIMES, both, both)
    assert (found.kappa, found.avgf1, found.frame_iou, found.mean_best_iou, found.f1) == (1, 1, 1, 1, 1)
    assert (found.matched, found.onset_s, found.offset_s) == (2, (0, 0), (0, 0))
    assert found.reasons == {}


def test_kappa_and_avgf1_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        model, human = (spans(*((a, a + 2) for a in rng.uniform(0, 18, 3))) for _ in range(2))
        a, b = (inside(TIMES, union(s)) for s in (model, human))
        found = agree(TIMES, model, human)
        assert found.kappa == pytest.approx(cohen_kappa_score(a, b))
        assert found.avgf1 == pytest.approx(f1_score(b, a, average="macro"))
        assert found.frame_iou == pytest.approx((a & b).sum() / (a | b).sum())


def test_iou_onsets_and_matches_of_a_worked_example() -> None:
    # 2-4 against 3-5: one of three seconds; 10-14 against 11-14: three of four; 18-19 is the model's alone
    found = agree(TIMES, spans((2, 4), (10, 14), (18, 19)), spans((3, 5), (11, 14)))
    assert found.mean_best_iou == pytest.approx((1 / 3 + 3 / 4) / 2)
    assert (found.matched, found.model_segments, found.human_segments) == (1, 3, 2)
    assert (found.precision, found.recall) == (pytest.approx(1 / 3), 0.5)
    assert found.f1 == pytest.approx(2 / 5)
    assert found.onset_s == (-1, -1)
    assert found.offset_s == (-1, 0)
    assert found.as_dict()["onset_s_median"] == -1


def test_one_segment_cannot_be_matched_twice() -> None:
    found = agree(TIMES, spans((0, 10)), spans((0, 5), (5.5, 10)))
    assert (found.matched, found.recall, found.precision) == (1, 0.5, 1)
    assert len(found.onset_s) == 1


def test_most_pairs_are_matched_where_the_closest_one_would_cost_another() -> None:
    iou = overlaps(union(spans((0, 6), (6.5, 12))), union(spans((0, 10), (10.5, 12))))
    assert iou[0, 0] == pytest.approx(0.6)
    found = agree(TIMES, spans((0, 4), (5, 9)), spans((0, 4.5), (4.6, 9)))
    assert found.matched == 2


def test_what_overlaps_or_touches_is_one_segment() -> None:
    assert union(spans((5, 6), (0, 2), (1, 3), (3, 4))) == [(0, 4 * S), (5 * S, 6 * S)]
    assert agree(TIMES, spans((0, 4)), spans((0, 2), (2, 4))).matched == 1


@pytest.mark.parametrize(
    ("model", "human", "missing"),
    [
        ((), (), {"kappa", "avgf1", "precision", "recall", "f1", "mean_best_iou", "frame_iou"}),
        (((1, 2),), (), {"avgf1", "recall", "mean_best_iou"}),
        ((), ((1, 2),), {"precision"}),
        (((0, 20),), ((0, 20),), {"kappa", "avgf1"}),
    ],
)
def test_a_figure_that_does_not_exist_is_none_with_its_reason(model: Any, human: Any, missing: set[str]) -> None:
    found = agree(TIMES, spans(*model), spans(*human))
    assert set(found.reasons) == missing
    assert all(getattr(found, name) is None for name in missing)


def test_without_rows_there_are_segments_but_no_frames() -> None:
    found = agree([], spans((1, 2)), spans((1, 2)))
    assert (found.frames, found.kappa, found.observed, found.matched) == (0, None, None, 1)


@given(st.lists(st.tuples(st.floats(0, 19), st.floats(0.01, 5)), max_size=6),
       st.lists(st.tuples(st.floats(0, 19), st.floats(0.01, 5)), max_size=6))  # fmt: skip
@settings(deadline=None, derandomize=True, max_examples=60)
def test_agreement_is_symmetric_where_it_should_be_and_within_bounds(a: Any, b: Any) -> None:
    ours, theirs = (spans(*((s, s + n) for s, n in x)) for x in (a, b))
    one, two = agree(TIMES, ours, theirs), agree(TIMES, theirs, ours)
    assert one.kappa == (None if two.kappa is None else pytest.approx(two.kappa))
    assert (one.frame_iou, one.matched) == (two.frame_iou, two.matched)
    assert (one.precision, one.recall) == (two.recall, two.precision)
    assert one.kappa is None or -1 <= one.kappa <= 1
    assert one.mean_best_iou is None or 0 <= one.mean_best_iou <= 1


# -- annotation files


def write_eaf(path: Path, tiers: dict[str, list[tuple[int, int, str]]]) -> Path:
    eaf = Eaf()
    eaf.remove_tier("default")
    for name, stretches in tiers.items():
        eaf.add_tier(name)
        for start, end, label in stretches:
            eaf.add_annotation(name, start, end, label)
    eaf.to_file(str(path))
    return path


def test_a_tier_is_taken_by_name_or_guessed_and_said(tmp_path: Path) -> None:
    path = write_eaf(
        tmp_path / "a.eaf",
        {"speech": [(0, 500, "hm")], "Ambivalence AB": [(1000, 2500, "yes"), (4000, 5000, "no")], "A/H (model)": []},
    )
    read = read_annotated(path)
    assert (read.tier, read.guessed, read.left_out) == ("Ambivalence AB", True, 1)
    assert read.stretches == (Stretch(S, 5 * S // 2, "yes"),)
    assert read_annotated(path, tier="speech").stretches == (Stretch(0, S // 2, "hm"),)
    with pytest.raises(DataError, match="has no tier 'other'; there are 'speech', 'Ambivalence AB'"):
        read_annotated(path, tier="other")


def test_two_tiers_that_may_be_meant_are_asked_about(tmp_path: Path) -> None:
    path = write_eaf(tmp_path / "a.eaf", {"hesitation": [(0, 9, "x")], "A/H 2": [(0, 9, "x")]})
    with pytest.raises(DataError, match="Name it with --tier"):
        read_annotated(path)


def test_annotations_of_elan_s_own_child_tiers_have_their_parents_times(tmp_path: Path) -> None:
    eaf = Eaf()
    eaf.add_linguistic_type("ref", "Symbolic_Association", False)
    eaf.add_tier("talk")
    eaf.add_annotation("talk", 100, 900, "well")
    eaf.add_tier("hesitation", "ref", "talk")
    eaf.add_ref_annotation("hesitation", "talk", 500, "A/H")
    eaf.to_file(str(tmp_path / "c.eaf"))
    assert read_annotated(tmp_path / "c.eaf").stretches == (Stretch(100_000_000, 900_000_000, "A/H"),)


def test_our_own_eaf_comes_back_with_the_human_tier(tmp_path: Path) -> None:
    timeline = make_timeline(12.0)
    write_tables(timeline, tmp_path / "s")
    tier = Annotations(tmp_path / "s")
    tier.add(1 * S, 3 * S, by="KM", note="here")
    tier.reject(timeline.segments[0], by="KM")
    [path] = export(material_of(open_session(tmp_path / "s"), made_at=datetime.now(UTC)), ["eaf"], tmp_path)
    read = read_annotated(path)
    assert read.tier == "A/H (human KM)"
    assert [(s.start_ns, s.end_ns) for s in read.stretches] == [(1 * S, 3 * S)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start,end,label\n1.5,2.5,A/H\n4,5,no\n", [(1.5, 2.5)]),
        ("1,2\n3,4\n", [(1, 2), (3, 4)]),
        ("\ufeffonset;offset;value\n1,5;2,25;x\n", [(1.5, 2.25)]),
        ("label\tbegin\tstop\nyes\t0:01:00\t1:02.5\n\n", [(60, 62.5)]),
        ('start,end,label\n5,6,"a, b"\n1,2,\n', [(1, 2), (5, 6)]),
        ("start,end\n", []),
        ("", []),
    ],
)
def test_csv_is_read_as_people_write_it(text: str, expected: list[tuple[float, float]], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    found = read_annotated(tmp_path / "a.csv").stretches
    assert [(s.start_ns / S, s.end_ns / S) for s in found] == expected


def test_labels_choose_what_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("start,end,label\n0,1,Hesitation\n2,3,ambivalence\n4,5,laughter\n")
    read = read_annotated(path, labels=["hesitation", "AMBIVALENCE"])
    assert (len(read.stretches), read.left_out, read.labels) == (2, 1, ("Hesitation", "ambivalence"))
    with pytest.raises(DataError, match="there are Hesitation, ambivalence, laughter"):
        read_annotated(path, labels=["doubt"])


@pytest.mark.parametrize(
    "content",
    [b"a,b\nx,y\n", b"1,2\n3\n", b"1,2\n5,4\n", b"1,1\n", b"-1,2\n", b"nan,2\n", b"\xff\xfe1,2", b"1e3,2e3\n",
     b"1,inf\n", "١,٢\n".encode()],
)  # fmt: skip
def test_a_bad_csv_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.csv"):
        read_annotated(tmp_path / "a.csv")


def test_a_missing_file_a_folder_and_a_tier_of_a_csv_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2")
    for path, tier in ((tmp_path / "none.eaf", None), (tmp_path, None), (tmp_path / "a.csv", "x")):
        with pytest.raises(DataError):
            read_annotated(path, tier)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**6), st.text("abc ,;\"'é", max_size=9)), max_size=8))
@settings(deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_eaf_and_csv_say_the_same_of_the_same_stretches(tmp_path: Path, marks: list[tuple[int, int, str]]) -> None:
    import csv

    marks = [(a, n, t.strip()) for a, n, t in marks if t.strip().casefold() not in NO]
    write_eaf(tmp_path / "r.eaf", {"A/H": [(a, a + n, t) for a, n, t in marks]})
    with (tmp_path / "r.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("start", "end", "label"), *((a / 1000, (a + n) / 1000, t) for a, n, t in marks)])
    read = read_annotated(tmp_path / "r.eaf", tier="A/H").stretches
    assert sorted((s.start_ns, s.end_ns, s.label) for s in read) == sorted(
        (s.start_ns, s.end_ns, s.label) for s in read_annotated(tmp_path / "r.csv").stretches
    )
    assert len(read) == len(marks)


_ANY = settings(
    deadline=None, derandomize=True, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(st.binary(max_size=200), st.sampled_from([".csv", ".eaf", ".txt"]))
@_ANY
def test_any_bytes_at_all_are_read_or_refused_as_ours(tmp_path: Path, content: bytes, end: str) -> None:
    path = tmp_path / f"x{end}"
    path.write_bytes(content)
    with suppress(AhdetectError):
        read_annotated(path)


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=6), st.booleans())
@_ANY
def test_a_damaged_eaf_is_read_or_refused_as_ours(tmp_path: Path, at: int, junk: bytes, cut: bool) -> None:
    whole = tmp_path / "whole.eaf"
    if not whole.exists():
        write_eaf(whole, {"A/H": [(100, 200, "yes"), (300, 900, "no")]})
    content = whole.read_bytes()
    at %= len(content)
    path = tmp_path / "y.eaf"
    path.write_bytes(content[:at] if cut else content[:at] + junk + content[at + len(junk) :])
    with suppress(AhdetectError):
        assert all(0 <= s.start_ns < s.end_ns for s in read_annotated(path).stretches)


def test_entities_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    doubled = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
    path = tmp_path / "laughs.eaf"
    path.write_text(
        f'<!DOCTYPE x [<!ENTITY e0 "ha">{doubled}]><ANNOTATION_DOCUMENT VERSION="3.0">&e11;</ANNOTATION_DOCUMENT>'
    )
    with pytest.raises(DataError, match="no ELAN file"):
        read_annotated(path)


# -- the command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tables(make_timeline(12.0), tmp_path / "s")
    return tmp_path / "s"


def run(*args: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in args])


def test_the_command_prints_figures_and_what_it_took(folder: Path, tmp_path: Path) -> None:
    segment = open_session(folder).timeline().segments[0]
    (tmp_path / "h.csv").write_text(
        f"start,end,label\n{segment.start_ns / S},{segment.end_ns / S},doubt\n90,91,doubt\n"
    )
    done = run(folder, "--with", tmp_path / "h.csv")
    assert done.exit_code == 0, done.output
    assert "Cohen's kappa, frames 1.000 AVGF1, frames 1.000" in " ".join(done.output.split())
    assert "Labels that counted as A/H: 'doubt'." in done.output
    assert "1 of the person's segments start after the end of the session" in done.output
    found = json.loads(run(folder, "--with", tmp_path / "h.csv", "--json").stdout)
    assert (found["kappa"], found["matched"], found["human_segments"]) == (1.0, 1, 2)


def test_annotations_are_stored_in_the_human_tier_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("1,2,doubt\n3,4,\n")
    args = (folder, "--with", tmp_path / "h.csv", "--store", "--by", "KM", "--json")
    assert [json.loads(run(*args).stdout)["stored"] for _ in range(2)] == [2, 0]
    tier = read_annotations(folder)
    assert [(h.start_ns, h.end_ns, h.by, h.note) for h in tier] == [(S, 2 * S, "KM", "doubt"), (3 * S, 4 * S, "KM", "")]
    own = json.loads(run(folder, "--by", "KM", "--json").stdout)
    assert own["human_segments"] == 2
    assert "draws agreement up" in own["notes"][0]


def test_a_rejected_segment_counts_as_none(folder: Path) -> None:
    segment = open_session(folder).timeline().segments[0]
    Annotations(folder).reject(segment, by="KM")
    found = json.loads(run(folder, "--json").stdout)
    assert (found["human_segments"], found["precision"]) == (0, 0.0)


def test_what_the_command_cannot_do_is_one_of_our_errors(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("1,2\n")
    assert isinstance(run(folder).exception, ConfigError)
    assert isinstance(run(folder, "--with", tmp_path / "h.csv", "--store").exception, ConfigError)
    for by in ("AB", "CD"):
        Annotations(folder).add(S, 2 * S, by=by)
    assert "choose one with --by" in str(run(folder).exception)
    assert isinstance(run(folder, "--by", "EF").exception, ConfigError)
    assert isinstance(run(tmp_path / "none", "--with", tmp_path / "h.csv").exception, AhdetectError)
