"""A sealed file gives back what was written, from any place; every change of it is told by an error of its kind."""

from __future__ import annotations

import errno
import io
import itertools
import os
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ahdetect.errors import (
    DamagedError,
    ReplacedError,
    StoreError,
    TruncatedError,
    UnknownFormatError,
    WrongKeyError,
)
from ahdetect.sealing import KEY_BYTES, new_key, open_sealed, seal
from ahdetect.store import sealed_writer
from ahdetect.store.container import DATA, PATCH, SEGMENT_START, START, VERSION, read_header, read_record, record
from ahdetect.store.sealed_reader import SealedReader
from ahdetect.store.sealed_writer import SealedWriter

KEY, SESSION = bytes(range(KEY_BYTES)), bytes(16)
NAME = "words.jsonl"
PLAIN = random.Random(0).randbytes(1000)


class Kept(io.BytesIO):
    """A file whose bytes outlive it."""

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of about 100 bytes, messages of up to 40, so that a short file has many."""
    monkeypatch.setattr(sealed_writer, "SEGMENT", 100)
    monkeypatch.setattr(sealed_writer, "MESSAGE", 40)


def sealed(plain: bytes = PLAIN, *, name: str = NAME, session: bytes = SESSION, close: bool = True) -> bytes:
    file = Kept()
    writer = SealedWriter(file, KEY, session, name)
    for start in range(0, len(plain), 17):
        writer.write(plain[start : start + 17])
        if start % 3 == 0:
            writer.flush()
    if close:
        writer.close()
    else:
        writer.flush()
    return file.getvalue()


def reader(data: bytes, key: bytes = KEY, **options: Any) -> SealedReader:
    return SealedReader(io.BytesIO(data), key, SESSION, NAME, **options)


def records(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and stop of every record."""
    at = read_header(data, NAME).size
    while (known := read_record(data[at : at + 8].ljust(8, b"\0"))) is not None:
        yield known[0], at, at + 8 + known[1]
        at += 8 + known[1]


def segments(data: bytes) -> list[tuple[int, int]]:
    """Start and stop of every segment."""
    found = list(records(data))
    starts = [start for kind, start, _ in found if kind in (1, 4)]
    return list(itertools.pairwise(starts))


# -- what goes in comes out


def test_what_was_written_is_read_and_nothing_of_it_is_in_the_file() -> None:
    data = sealed(b"a word that nobody may read " * 30)
    assert reader(data).read() == b"a word that nobody may read " * 30
    assert b"word that" not in data


def test_an_empty_file_is_an_empty_file() -> None:
    assert reader(sealed(b"")).read() == b""


@given(st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=150), st.booleans()), max_size=12), st.data())
@settings(deadline=None, max_examples=150)
def test_it_behaves_like_a_file_that_is_not_sealed(steps: list[tuple[int, bytes, bool]], draw: st.DataObject) -> None:
    file, model = Kept(), io.BytesIO()
    writer = SealedWriter(file, KEY, SESSION, NAME)
    for place, content, flush in steps:
        for one in (writer, model):
            one.seek(place)
            assert one.write(content) == len(content)
        assert writer.tell() == model.tell()
        if flush:
            writer.flush()
    writer.flush()
    want = model.getvalue()
    assert reader(file.getvalue(), torn=True).read() == want  # a crash here
    writer.close()
    found = reader(file.getvalue())
    assert found.read() == want
    assert found.verify() == []
    for _ in range(5):
        at, size = draw.draw(st.integers(0, 600)), draw.draw(st.integers(0, 200))
        found.seek(at)
        assert found.read(size) == want[at : at + size]


def test_a_read_decrypts_the_segment_it_is_in_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    found = reader(sealed())
    decrypted = []
    pulled = found._pulled
    monkeypatch.setattr(found, "_pulled", lambda s, k: decrypted.append(s.number) or pulled(s, k))
    found.seek(550)
    assert found.read(10) == PLAIN[550:560]
    assert len(decrypted) == 1


def test_two_files_of_the_same_bytes_differ() -> None:
    assert sealed() != sealed()


# -- every change is told


def test_a_flipped_bit_anywhere_is_told() -> None:
    data = sealed()
    rng = random.Random(1)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << rng.randrange(8)
        with pytest.raises(StoreError) as caught:
            reader(bytes(changed)).read()
        # A bit in the plain part of a segment's start may make it look like another segment's.
        assert isinstance(caught.value, DamagedError | ReplacedError), (at, caught.value)
        assert "\n" not in str(caught.value)


def test_damage_in_one_segment_leaves_the_others_and_names_the_place() -> None:
    data = bytearray(sealed())
    start, stop = segments(bytes(data))[3]
    data[(start + stop) // 2 + 20] ^= 4
    found = reader(bytes(data))
    assert found.read(200) == PLAIN[:200]
    with pytest.raises(DamagedError, match=r"words\.jsonl is damaged in segment 3 of \d+ \(bytes \d+ to \d+ of 1000"):
        found.read()
    found.seek(800)
    assert found.read() == PLAIN[800:]
    assert len(found.verify()) == 1
    lenient = reader(bytes(data), forgiving=True).read()
    assert len(lenient) == 1000
    assert sum(a != b for a, b in zip(lenient, PLAIN, strict=True)) <= 140


def test_a_file_cut_off_anywhere_is_told() -> None:
    data = sealed()
    for size in range(len(data)):
        with pytest.raises(TruncatedError, match="cut off"):
            reader(data[:size])


@pytest.mark.parametrize("closed", [True, False])
def test_of_a_file_that_was_never_closed_all_whole_messages_are_read(closed: bool) -> None:
    data = sealed(close=closed)
    whole = 0
    for kind, _, stop in records(data):
        if kind == 4:
            break
        found = reader(data[:stop], torn=True)
        content = found.read()
        assert PLAIN.startswith(content)
        assert found.damage == []
        assert len(content) >= whole
        whole = len(content)
        torn = reader(data[: stop + 5], torn=True)  # a record of which the disk has the first bytes
        assert torn.read() == content
        assert torn.damage == []
        zeros = reader(data[:stop] + bytes(5000), torn=True)  # as a power cut leaves it
        assert (zeros.read(), zeros.damage) == (content, [])
    assert whole == len(PLAIN)


def test_damage_in_a_file_that_was_never_closed_is_told_as_well() -> None:
    data = sealed(close=False)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 16
        try:
            found = reader(bytes(changed), torn=True)
            told = found.read() != PLAIN and bool(found.damage)
        except StoreError:
            told = True
        # The head of the very last record may be taken for one that was cut off; it holds less than a second.
        last = list(records(data))[-1][1]
        assert told or at >= last, at


def test_a_place_that_was_forged_behind_damage_is_not_believed() -> None:
    """What stands in the clear may not make a reader of a torn file ask for all the memory there is."""
    data = bytearray(sealed(close=False))
    starts = [start for kind, start, _ in records(bytes(data)) if kind == START]
    data[starts[2] - 30] ^= 1  # within segment 1
    first_message = starts[1] + 8 + SEGMENT_START.size
    data[first_message] ^= 64  # its length
    place = starts[2] + 8 + 16 + 4
    data[place : place + 8] = (1 << 60).to_bytes(8, "little")
    found = reader(bytes(data), torn=True, forgiving=True)
    assert len(found.read()) < 2 * len(PLAIN)
    assert found.damage


@pytest.mark.parametrize("seed", range(20))
def test_of_a_torn_file_that_somebody_was_at_nothing_is_read_that_was_never_written(seed: int) -> None:
    rng, data = random.Random(seed), sealed(close=False)
    for _ in range(20):
        a, b = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
        changed = rng.choice(
            [data[:a] + data[b:], data[:b] + data[a:], data[:a] + bytes(b - a) + data[b:], data[:a] + rng.randbytes(50)]
        )
        with suppress(StoreError):
            assert PLAIN.startswith(reader(changed, torn=True).read())
        try:
            found = reader(changed, torn=True, forgiving=True).read()
        except StoreError:
            continue
        assert len(found) <= len(PLAIN) + len(changed)
        assert sum(x not in (0, y) for x, y in zip(found, PLAIN, strict=False)) == 0


def test_swapped_segments_are_told_as_such() -> None:
    data = sealed()
    places = segments(data)
    (a, b), (c, d) = next((p, q) for p in places for q in places if p < q and p[1] - p[0] == q[1] - q[0])
    with pytest.raises(ReplacedError, match="out of order"):
        reader(data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]).read()


def test_segments_that_were_swapped_and_renumbered_do_not_open() -> None:
    """What stands in the clear can be forged; it is bound to what is sealed."""
    data = sealed()
    places = segments(data)
    (a, b), (c, d) = next((p, q) for p in places for q in places if p < q and p[1] - p[0] == q[1] - q[0])
    number_and_place = slice(8 + 16, 8 + 16 + 12)  # in the record that starts a segment, behind its head and file id
    first, second = bytearray(data[a:b]), bytearray(data[c:d])
    first[number_and_place], second[number_and_place] = second[number_and_place], first[number_and_place]
    found = reader(data[:a] + bytes(second) + data[b:c] + bytes(first) + data[d:])
    assert len(found.verify()) == 2
    assert all(isinstance(error, DamagedError) for error in found.verify())


def test_bytes_that_were_made_a_patch_do_not_open() -> None:
    data = sealed()
    kind, start, stop = next(one for one in records(data) if one[0] == DATA)
    forged = data[:start] + record(PATCH, data[start + 8 : stop]) + data[stop:]
    assert kind == DATA
    with pytest.raises(DamagedError):
        reader(forged).read()


def test_a_segment_of_another_file_is_told_as_such() -> None:
    data, other = sealed(), sealed()
    start, stop = segments(data)[2]
    with pytest.raises(ReplacedError, match="of another file"):
        reader(data[:start] + other[start:stop] + data[stop:]).read()


def test_a_segment_taken_out_or_put_in_twice_is_told() -> None:
    data = sealed()
    start, stop = segments(data)[2]
    with pytest.raises(TruncatedError, match="bytes are missing from"):
        reader(data[:start] + data[stop:])
    with pytest.raises(ReplacedError, match="bytes were put into"):
        reader(data[:stop] + data[start:stop] + data[stop:])


def test_bytes_added_at_the_end_are_told() -> None:
    with pytest.raises(DamagedError, match="last bytes"):
        reader(sealed() + b"more")


def test_another_file_in_its_place_is_told() -> None:
    with pytest.raises(ReplacedError, match="under another name"):
        reader(sealed(name="events.jsonl"))
    with pytest.raises(ReplacedError, match="of another session"):
        reader(sealed(session=bytes([1]) * 16))


def test_a_header_that_was_forged_to_fit_opens_nothing() -> None:
    """The name is part of the key: writing another one over it, checksum and all, does not help."""
    data = sealed(name="wards.jsonl")
    forged = read_header(data, NAME)
    object.__setattr__(forged, "name", NAME)
    with pytest.raises(DamagedError):
        reader(forged.pack() + data[forged.size :]).read()


def test_a_wrong_key_is_told_as_such() -> None:
    with pytest.raises(WrongKeyError):
        reader(sealed(), key=new_key())


def test_a_newer_format_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ahdetect.store.container.VERSION", VERSION + 1)
    data = sealed()
    monkeypatch.undo()
    with pytest.raises(UnknownFormatError, match=f"format {VERSION + 1}"):
        reader(data)


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_noise_is_one_sentence(noise: bytes) -> None:
    for start in (b"", sealed()[:80]):
        with pytest.raises(StoreError):
            reader(start + noise).read()


# -- a disk that gives up


class Full(Kept):
    """Takes `room` bytes."""

    room = 600

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def test_a_full_disk_ends_the_file_and_what_is_there_is_read() -> None:
    file = Full()
    writer = SealedWriter(file, KEY, SESSION, NAME)
    with pytest.raises(OSError, match="No space"):
        writer.write(PLAIN)
    writer.close()  # no index behind a hole
    found = reader(file.getvalue(), torn=True)
    content = found.read()
    assert PLAIN.startswith(content)
    assert len(content) > 200
    assert found.damage == []


def test_the_file_below_is_closed_with_it(tmp_path: Path) -> None:
    raw = (tmp_path / "x").open("wb")
    SealedWriter(raw, KEY, SESSION, NAME).close()
    assert raw.closed
    opened = (tmp_path / "x").open("rb")
    with pytest.raises(WrongKeyError):
        SealedReader(opened, new_key(), SESSION, NAME)
    assert opened.closed


# -- short secrets


def test_sealed_bytes_open_with_their_key_for_their_purpose() -> None:
    data = seal(b"usual pitch", KEY, "profile")
    assert open_sealed(data, KEY, "profile", "P07") == b"usual pitch"
    assert b"usual" not in data
    with pytest.raises(WrongKeyError, match="P07"):
        open_sealed(data, new_key(), "profile", "P07")
    with pytest.raises(DamagedError):
        open_sealed(data, KEY, "session", "P07")


def test_any_change_of_sealed_bytes_is_told() -> None:
    data = seal(b"usual pitch", KEY, "profile")
    for at in range(len(data)):
        with pytest.raises(UnknownFormatError if at == 4 else DamagedError):
            open_sealed(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], KEY, "profile", "P07")
        with pytest.raises(TruncatedError if at < 57 else DamagedError):
            open_sealed(data[:at], KEY, "profile", "P07")
