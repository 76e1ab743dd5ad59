"""References: what a cue usually is, over people who each weigh the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ahdetect.models.cues import INDEX, Channel, CueFrame, absent_frame, empty_values
from ahdetect.models.reference import Reference, measure, reference, references, save


def clip(values: np.ndarray, name: str = "face_smile", fps: float = 25.0) -> list[CueFrame]:
    frames = []
    for i, value in enumerate(values):
        row = empty_values(Channel.FACE)
        row[INDEX[name]] = value
        frames.append(CueFrame(Channel.FACE, round(i * 1e9 / fps), row))
    return frames


def test_location_and_scale_of_a_normal_cue_are_its_mean_and_standard_deviation() -> None:
    rng = np.random.default_rng(0)
    people = [[clip(rng.normal(0.4, 0.1, 2000))] for _ in range(3)]
    found = measure(people, ["face_smile"])["face_smile"]
    assert found.location == pytest.approx(0.4, abs=0.01)
    assert found.scale == pytest.approx(0.1, rel=0.05)
    assert found.n_people == 3
    assert found.n_seconds == pytest.approx(240, abs=0.5)


def test_a_person_seen_for_long_weighs_no_more_than_one_seen_shortly() -> None:
    rng = np.random.default_rng(1)
    people = [[clip(rng.normal(0.1, 0.01, 5000)), clip(rng.normal(0.1, 0.01, 5000))]]
    people += [[clip(rng.normal(0.5, 0.01, 200))], [clip(rng.normal(0.6, 0.01, 200))]]
    assert 0.45 < measure(people, ["face_smile"])["face_smile"].location < 0.55


def test_a_cue_that_rests_at_one_value_gets_its_standard_deviation() -> None:
    x = np.zeros(1000)
    x[:100] = 1.0
    found = measure([[clip(x)]], ["face_smile"])["face_smile"]
    assert found.location == 0
    assert found.scale == pytest.approx(0.3, abs=0.01)


def test_absent_values_count_neither_as_values_nor_as_seconds() -> None:
    frames = clip(np.full(100, 0.3))
    frames += [absent_frame(Channel.FACE, frames[-1].t_ns + (i + 1) * 40_000_000, "no face") for i in range(100)]
    found = measure([[frames], [[absent_frame(Channel.FACE, 0, "no face")]]], ["face_smile"])["face_smile"]
    assert (found.location, found.n_seconds, found.n_people) == (0.3, 4.0, 1)


def test_saving_one_channel_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    save(path, {"voice_f0_sd": Reference(1.0, 0.5, 10.0, 2)}, "voices")
    save(path, {"face_smile": Reference(0.1, 0.2, 20.0, 3)}, "faces")
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert list(stored["cues"]) == ["face_smile", "voice_f0_sd"]
    assert stored["notes"] == {"voice": "voices", "face": "faces"}


def test_every_shipped_reference_is_of_a_cue_of_the_table_and_has_a_scale() -> None:
    assert "face_smile_sd" in references()
    for name, row in references().items():
        assert name in INDEX
        assert row.scale > 0
        assert np.isfinite(row.location)
        assert row.n_people >= 1


def test_a_cue_without_a_reference_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        reference("face_brow_down_left")
