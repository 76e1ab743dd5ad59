from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ahdetect.calibration import benchmark
from ahdetect.commands.bench import app
from ahdetect.commands.uda import interval, per_person, recall
from ahdetect.errors import ConfigError, DataError

pytest.importorskip("sklearn")


def rows(people: int = 6, each: int = 24, columns: int = 5, seed: int = 0) -> dict[str, Any]:
    """A simulated table with offsets per person, sorted by class as files are."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(3, columns)) * 1.5
    y = np.tile(np.sort(np.arange(each) % 3), people)
    subject = np.repeat(np.arange(people), each)
    x = means[y] + 2 * rng.normal(size=(people, columns))[subject] + rng.normal(size=(len(y), columns))
    return {"face": x, "label": y, "subject": subject}


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def bench(path: Path, *options: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["uda", "--data", str(path), "--json", *options])
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_json_holds_every_row_person_and_interval(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.npz", **rows())
    found = bench(path, "--methods", "ahdetect,normalise", "--seeds", "2")
    table = found["features"]["face"]
    assert list(table) == ["source-only", "ahdetect", "normalise", "oracle"]
    for row in table.values():
        score = row["balanced_accuracy"]
        assert score["low"] <= score["value"] <= score["high"]
        assert len(row["people"]) == 6
        assert len(row["per_seed"]) == 2
        assert row["sample_ms"] > 0
    assert table["ahdetect"]["change"]["value"] > 0
    assert table["source-only"]["worse"] == table["source-only"]["better"] == 0
    assert (
        bench(path, "--methods", "ahdetect", "--seeds", "2")["features"]["face"]["ahdetect"]["people"]
        == (table["ahdetect"]["people"])
    )


@pytest.mark.parametrize("protocol", ["online", "calibrate-8", "transductive"])
def test_every_protocol_takes_names_holes_constant_columns_and_lacking_classes(tmp_path: Path, protocol: str) -> None:
    raw = rows(people=5)
    raw["face"][3, 1], raw["face"][:, 4] = np.nan, 1.0
    keep = ~((raw["subject"] == 1) & (raw["label"] == 2)) & ~((raw["subject"] == 2) & (np.arange(120) % 24 > 1))
    path = saved(
        tmp_path / "t.npz",
        face=raw["face"][keep],
        voice=raw["face"][keep][:, :2] ** 2,
        emotion=np.array(["calm", "sad", "angry"])[raw["label"][keep]],
        subject=np.array([f"p{s}" for s in raw["subject"][keep]]),
        frames=np.zeros((7, 2)),
    )
    found = bench(path, "--protocol", protocol, "--methods", "normalise", "--seeds", "1")
    assert list(found["features"]) == ["face", "voice", "face+voice"]
    assert found["classes"] == ["angry", "calm", "sad"]
    assert any("frames" in note for note in found["notes"])
    assert ("p2" in found["features"]["face"]["normalise"]["people"]) == (protocol != "calibrate-8")


def test_the_printed_table_names_each_method(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.npz", **rows(people=4))
    done = CliRunner().invoke(app, ["uda", "--data", str(path), "--methods", "normalise", "--seeds", "1"])
    assert done.exit_code == 0, done.output
    for word in ("source-only", "normalise", "oracle"):
        assert word in done.stdout


@pytest.mark.parametrize("lacking", ["face", "label", "subject"])
def test_a_missing_array_is_one_sentence(tmp_path: Path, lacking: str) -> None:
    path = saved(tmp_path / "t.npz", **{k: v for k, v in rows().items() if k != lacking})
    with pytest.raises(DataError, match=r"lacks the array|no table of features"):
        benchmark.read(path)


def test_what_is_no_table_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.npz").write_text("no")
    for path in (tmp_path / "t.npz", tmp_path / "none.npz"):
        with pytest.raises(DataError, match="cannot be read"):
            benchmark.read(path)
    with pytest.raises(DataError, match="needs 2 and 3"):
        benchmark.read(saved(tmp_path / "two.npz", **rows(people=2)))
    with pytest.raises(DataError, match="one length"):
        benchmark.read(saved(tmp_path / "short.npz", **(rows() | {"subject": np.zeros(3)})))


def test_unknown_names_are_told_with_those_that_exist(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.npz", **rows())
    for option in (["--methods", "magic"], ["--features", "voice"], ["--protocol", "calibrate-x"]):
        done = CliRunner().invoke(app, ["uda", "--data", str(path), *option])
        assert isinstance(done.exception, ConfigError)
        assert "there are" in str(done.exception)


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    raw = rows()
    raw["label"] = raw["label"].astype(float)
    raw["label"][:4] = np.nan
    found = benchmark.read(saved(tmp_path / "t.npz", **raw))
    assert len(found.y) == 140
    assert any(note.startswith("4 rows") for note in found.notes)


class Spy:
    """Remembers what it was shown before each prediction."""

    name = "spy"

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.asked: list[tuple[list[float], list[float]]] = []

    def observe(self, x: Any) -> None:
        self.seen += x[:, 0].tolist()

    def predict(self, x: Any) -> Any:
        self.asked.append((list(self.seen), x[:, 0].tolist()))
        return np.full((len(x), 3), 1 / 3)


def test_online_shows_no_later_row_and_calibration_no_scored_one() -> None:
    x = np.arange(6.0)[:, None]
    online, first, everything = Spy(), Spy(), Spy()
    benchmark.follow(online, x, benchmark.protocol("online"))  # type: ignore[arg-type]
    assert online.asked == [(list(range(i + 1)), [i]) for i in range(6)]
    benchmark.follow(first, x, benchmark.protocol("calibrate-2"))  # type: ignore[arg-type]
    assert first.asked == [([0, 1], [2, 3, 4, 5])]
    benchmark.follow(everything, x, benchmark.protocol("transductive"))  # type: ignore[arg-type]
    assert everything.asked == [(list(range(6)), list(range(6)))]


def test_each_seed_shuffles_a_person_s_rows_and_does_so_again() -> None:
    subject = np.repeat([0, 1], 20)
    first, second = benchmark.streams(subject, 1, 2)
    assert sorted(first) == sorted(second) == list(range(20, 40))
    assert first.tolist() != second.tolist() != sorted(first)
    assert next(benchmark.streams(subject, 1, 1)).tolist() == first.tolist()


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_there_are() -> None:
    hits, many = np.array([[3.0, 0.0, 0.0], [4.0, 2.0, 0.0]]), np.array([[4.0, 0.0, 0.0], [4.0, 4.0, 0.0]])
    assert per_person(hits, many).tolist() == [0.75, 0.75]
    assert recall(hits.sum(axis=0), many.sum(axis=0)) == pytest.approx((7 / 8 + 1 / 2) / 2)
    found = interval(hits, many)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 0.6875 <= found.high


def test_what_is_no_array_is_left_out_and_damage_is_one_sentence(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.npz", **rows())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("notes", b"hello")
    assert "notes is no array; left out." in benchmark.read(path).notes
    whole = path.read_bytes()
    middle = len(whole) // 3
    path.write_bytes(whole[:middle] + bytes(b ^ 255 for b in whole[middle : middle + 8]) + whole[middle + 8 :])
    with pytest.raises(DataError, match="cannot be read as an"):
        benchmark.read(path)
