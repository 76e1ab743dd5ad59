"""BAH: a folder in the release's layout, with every oddity of the real one, is read as its authors meant it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from ahdetect.errors import DataError
from ahdetect.models.datasets import bah, bah_labels
from ahdetect.models.datasets.bah import Corpus, read_corpus
from ahdetect.models.datasets.bah_labels import ANNOTATIONS, UNLABELLED, Labels, truth_of
from ahdetect.models.datasets.bah_transcript import read_transcript, risen

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import make_bah_layout as maker


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[maker.Made]]:
    root = tmp_path_factory.mktemp("bah") / "BAH_DB"
    return root, maker.make(root, people=3, seconds=0.5)


@pytest.fixture(scope="module")
def corpus(release: tuple[Path, list[maker.Made]]) -> Corpus:
    return read_corpus(release[0].parent)


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def small(root: Path, *, lists: str = "Videos/1/Visite_1/1_Question_4_x_Video.mp4,1,well, but no\n") -> Path:
    """A release of one video that nobody decodes."""
    write(root, "split/train.txt", lists)
    write(root, "Videos/1/Visite_1/1_Question_4_x_Video.mp4", "")
    return root


def test_every_answer_has_its_person_prompt_split_and_labels(
    release: tuple[Path, list[maker.Made]], corpus: Corpus
) -> None:
    by_name = {v.name: v for v in corpus.videos}
    made = [m for m in release[1] if m.name not in corpus.missing]
    assert len(by_name) == len(made) == 20
    for m in made:
        found = by_name[m.name]
        assert (found.person, found.question, found.split) == (m.person, m.question, m.split)
        assert found.kind == bah.QUESTIONS[m.question]
        assert found.labels.video == m.label
        assert found.labels.frames.tolist() == m.frames.tolist()
        assert found.path.is_file()


def test_a_listed_video_without_a_file_is_named(release: tuple[Path, list[maker.Made]], corpus: Corpus) -> None:
    assert corpus.missing == (release[1][-1].name,)
    assert not corpus.notes


def test_the_oddities_are_really_there(release: tuple[Path, list[maker.Made]]) -> None:
    names = [m.name for m in release[1]]
    yaml = (release[0] / ANNOTATIONS[0]).read_text()
    assert any("Visite 1" in n for n in names)
    assert any(" " in n.rpartition("/")[2] for n in names)
    assert any("_Video-DESKTOP-" in n for n in names)
    assert any(n not in yaml for n in names), "some are spelled otherwise in the labels"
    assert "!!python/tuple" in yaml
    assert (release[0] / "split/train.txt").read_text().splitlines()[0].count(",") > 2


def test_cropped_faces_and_transcripts_are_found_where_they_are(corpus: Corpus) -> None:
    assert [v.faces is not None for v in corpus.videos].count(True) == 1
    assert all(v.transcript is not None for v in corpus.videos)


def test_the_older_layout_is_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = maker.make(Path("old"), people=1, seconds=0.5, old=True, missing=0)
    found = read_corpus(Path("old"))
    assert len(found.videos) == 7
    assert sorted(v.labels.frames.tolist() for v in found.videos) == sorted(m.frames.tolist() for m in made)
    assert {v.question for v in found.videos} == set(range(1, 8))


def test_labels_are_kept_and_read_again_only_when_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = tmp_path / "db", tmp_path / "labels.json"
    maker.make(root, people=1, questions=2, seconds=0.5, missing=0)
    first = read_corpus(root, cache)
    with monkeypatch.context() as patch:
        patch.setattr(bah_labels, "load_yaml", lambda *_: pytest.fail("parsed again"))
        again = read_corpus(root, cache)
    assert [v.labels.frames.tolist() for v in again.videos] == [v.labels.frames.tolist() for v in first.videos]
    assert "um," not in cache.read_text(), "what people said is not kept"
    path = root / ANNOTATIONS[0]
    path.write_text(path.read_text().replace("global_ah: 1", "global_ah: 0") + " \n")
    stamp = json.loads(cache.read_text())["of"]
    read_corpus(root, cache)
    assert json.loads(cache.read_text())["of"] != stamp


@pytest.mark.parametrize("tag", ["object/apply:os.mkdir ['{}']", "name:os.mkdir ''", "module:os ''", "complex 1j"])
def test_a_tag_that_would_run_code_is_refused(tag: str, tmp_path: Path) -> None:
    root = small(tmp_path)
    write(root, ANNOTATIONS[0], f"a:\n  global_ah: !!python/{tag.format(tmp_path / 'made')}\n")
    with pytest.raises(DataError, match="damaged or no YAML"):
        read_corpus(root)
    assert not (tmp_path / "made").exists()


def test_an_alias_from_one_video_to_another_is_followed(tmp_path: Path) -> None:
    root = small(tmp_path)
    one = "Videos/1/Visite_1/1_Question_4_x_Video.mp4"
    write(
        root,
        ANNOTATIONS[0],
        f"Videos/0/a.mp4:\n  frame_annotation: &f\n  - - frame-0.jpg\n    - 1\n{one}:\n  frame_annotation: *f\n",
    )
    assert read_corpus(root).videos[0].labels.frames.tolist() == [1]


def test_a_list_is_no_csv_and_its_lines_end_where_lines_end(tmp_path: Path) -> None:
    second = "Videos/2/Visite_1/2_Question_5_x_Video.mp4"
    said = '"no, and\u2028then "yes", you know'  # quotes that never close, and a line sign of Unicode
    root = small(tmp_path, lists=f"Videos/1/Visite_1/1_Question_4_x_Video.mp4,1,{said}\n{second},0,well\n")
    write(root, second, "")
    assert [(v.person, v.labels.video) for v in read_corpus(root).videos] == [("1", 1.0), ("2", 0.0)]


ONE = "Videos/1/Visite_1/1_Question_4_x_Video.mp4"


@pytest.mark.parametrize("name", ["video_annotation_transcript.yaml", "video_annotation.yaml", "annotation.yml"])
def test_labels_are_found_under_the_names_that_releases_gave_them(name: str, tmp_path: Path) -> None:
    root = small(tmp_path)
    write(root, name, f"{ONE}:\n  frame_annotation:\n  - - frame-0.jpg\n    - 1\n")
    assert read_corpus(root).videos[0].labels.frames.tolist() == [1]


@pytest.mark.parametrize("around", ["", "BAH_DB", "data"])
def test_the_folder_around_a_release_is_as_good(around: str, tmp_path: Path) -> None:
    root = small(tmp_path / around)
    assert read_corpus(tmp_path).root == root


def test_a_list_says_whether_a_video_has_ah_and_the_labels_where_it_is(tmp_path: Path) -> None:
    root = small(tmp_path)
    write(root, ANNOTATIONS[0], f"{ONE}:\n  global_ah: 0\n  time_detailed_ah:\n  - ['00:01:02.200', '01:05']\n")
    labels = read_corpus(root).videos[0].labels
    assert labels.video == 1.0
    assert labels.segments_s == ((62.2, 65.0),)


def test_a_video_in_no_split_is_known_from_the_table_of_all(tmp_path: Path) -> None:
    root, other = small(tmp_path), "Videos/2/Visite_1/2_Question_5_x_Video.mp4"
    write(root, "bah-video.csv", f"video-path,class\n{ONE},No A-H\n{other},With A-H\n")
    write(root, other, "")
    assert [(v.split, v.labels.video) for v in read_corpus(root).videos] == [("train", 1.0), ("", 1.0)]


def test_a_person_on_both_sides_of_a_split_is_named(tmp_path: Path) -> None:
    root, other = small(tmp_path), "Videos/1/Visite_1/1_Question_5_x_Video.mp4"
    write(root, "split/test.txt", f"{other},0,no\n")
    write(root, other, "")
    assert "whose scores will be too good: 1." in read_corpus(root).notes[-1]


def test_a_name_with_spaces_throughout_tells_person_and_question(tmp_path: Path) -> None:
    name = "Videos/9/Visite 1/9 Question 6 2024-10-02 16-03-28 Video-DESKTOP-1A.mp4"
    root = small(tmp_path, lists=f"{name.replace(' ', '_')},0,no\n")
    write(root, name, "")
    (video,) = read_corpus(root).videos
    assert (video.person, video.question, video.path) == ("9", 6, root / name)


def test_split_frames_stand_in_where_the_big_file_is_not_there(tmp_path: Path) -> None:
    root = small(tmp_path)
    name = "Videos/1/Visite_1/1_Question_4_x_Video.mp4"
    write(root, "split-frames/train.txt", f"{name}/frame-0.jpg,0\n{name}/frame-2.jpg,1\n")
    found = read_corpus(root)
    assert found.videos[0].labels.frames.tolist() == [0, UNLABELLED, 1]
    assert "split-frames" in found.notes[0]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("split/train.txt", "Videos/1/Visite_1/1_Question_4_x_Video.mp4\n", "Line 1 of .*train.txt is not"),
        ("split/train.txt", "Videos/1/Visite_1/1_Question_4_x_Video.mp4,7,well\n", "neither 0 nor 1"),
        ("split/val.txt", "Videos/1/Visite 1/1_Question_4_x_Video.mp4,1,well\n", "both train and val"),
        ("split/train.txt", "Videos/2/Visite_1/2_Question_4_x_Video.mp4,1,well\n", "holds none of them, such as"),
        ("split/train.txt", "", "lists no video"),
        (ANNOTATIONS[0], "- 1\n- 2\n", "no table of videos"),
        (ANNOTATIONS[0], "Videos/1/a.mp4:\n  frame_annotation: [[frame-x.jpg, 1]]\n", "labels of Videos/1/a.mp4"),
        ("split-frames/val.txt", "Videos/1/a.mp4,1\n", "Line 1 of .*val.txt"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_the_file(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    root = small(tmp_path)
    write(root, name, text)
    with pytest.raises(DataError, match=sentence):
        read_corpus(root)


def test_a_folder_that_is_no_release_says_so(tmp_path: Path) -> None:
    assert bah.find(tmp_path) is None
    with pytest.raises(DataError, match="no release of BAH"):
        read_corpus(tmp_path)


# Frames and rows.

FRAMES = np.array([0, 0, 1, 1, UNLABELLED, 0], np.int8)


def test_rows_take_the_label_of_their_frame_whatever_the_clock_begins_with() -> None:
    frame_s = np.array([0.5, 0.54, 0.60, 0.61, 0.70, 0.75])  # of uneven distance, the file starts at .5
    t_ns = (np.round((frame_s - 0.2) * 1e3) * 1e6).astype(np.int64)  # the sound began .2 s earlier
    truth = truth_of(Labels(frames=FRAMES), t_ns, frame_s)
    assert truth[[0, 1, 2, 3, 5]].tolist() == [0, 0, 1, 1, 0]
    assert np.isnan(truth[4])


def test_rows_that_are_no_frame_have_no_label() -> None:
    frame_s = np.arange(6) / 24
    row_s = np.concatenate([[0.0, 0.1], frame_s + 0.2, [0.9, 1.0]])  # sound before and after the pictures
    truth = truth_of(Labels(frames=FRAMES), (row_s * 1e9).astype(np.int64), frame_s)
    assert np.isnan(truth[[0, 1, -2, -1]]).all()
    assert truth[2:6].tolist() == [0, 0, 1, 1]


def test_a_dropped_frame_moves_no_label() -> None:
    frame_s = np.arange(6) / 24
    t_ns = (np.delete(frame_s, 1) * 1e9).astype(np.int64)
    assert truth_of(Labels(frames=FRAMES), t_ns, frame_s)[:3].tolist() == [0, 1, 1]


def test_segments_in_seconds_label_where_no_frame_is_labelled() -> None:
    frame_s = np.arange(4) / 2
    labels = Labels(segments_s=((0.5, 1.0),))
    assert truth_of(labels, (frame_s * 1e9).astype(np.int64), frame_s).tolist() == [0, 1, 0, 0]
    assert np.isnan(truth_of(Labels(), (frame_s * 1e9).astype(np.int64), frame_s)).all()


# Transcripts.


def test_times_that_fall_back_rise_again(corpus: Corpus) -> None:
    long = next(v for v in corpus.videos if "!!python/tuple" in v.transcript.read_text() and _restarts(v.transcript))
    phrases = read_transcript(long.transcript, duration_s=40.0)
    assert [(p.start_s, p.end_s) for p in phrases] == [(0.0, 12.5), (12.5, 29.0), (29.0, 38.5), (38.5, 40.0)]
    assert all(p.text for p in phrases)


def _restarts(path: Path | None) -> bool:
    return path is not None and "null" in path.read_text()


def test_a_window_whose_last_end_is_missing_lasts_half_a_minute() -> None:
    found = risen([(0.0, 20.0, "a"), (20.0, None, "b b"), (0.0, 5.0, "c")])
    assert [p.start_s for p in found] == [0.0, 20.0, 30.0]
    assert found[-1].end_s == 35.0


def test_one_long_phrase_a_window_is_told_apart() -> None:
    assert [p.start_s for p in risen([(0.0, 29.0, "a"), (0.0, 12.0, "b")])] == [0.0, 29.0]


def test_a_missing_last_end_lasts_as_long_as_its_words_where_nobody_knows_the_video() -> None:
    (only,) = risen([(1.0, None, " ".join(["word"] * 22))])
    assert only.end_s == pytest.approx(11.0)


def test_a_damaged_transcript_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("text: well\n")
    with pytest.raises(DataError, match="no transcript of the release"):
        read_transcript(path)
