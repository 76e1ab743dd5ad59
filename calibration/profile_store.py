"""Profile store: profiles flow in; private files that survive a crash, and the same profiles, flow out.

`ProfileStore` is all that others know of it. `FileProfiles` keeps one file per profile, sealed with the store key of
the account (`ahdetect.store_key`); where the account has none, it is plain and only its owner may read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

import platformdirs

from ahdetect import sealing, strict_json
from ahdetect.calibration.profile import Profile, SchemaError, Version, checked_name
from ahdetect.errors import ConfigError, DamagedError, NoKeyError, StoreError, TruncatedError, WrongKeyError
from ahdetect.store_key import find_store_keys

SUFFIX: Final = ".profile"
_MAGIC: Final = b"ahdetect profile, plain, sha256 "
_PURPOSE: Final = "profile"


class ProfileStore(Protocol):
    """Where profiles are kept."""

    def names(self) -> tuple[str, ...]:
        """Names of all profiles, sorted."""
        ...

    def load(self, name: str) -> Profile:
        """The profile of that name.

        Raises:
            ConfigError: there is none; the sentence lists those that there are.
            StoreError: it cannot be read.
        """
        ...

    def save(self, profile: Profile) -> None:
        """Keep a profile: a new one, or further versions of one that was loaded.

        Raises:
            StoreError: it cannot be written, another program changed or deleted it since it was loaded, or there is
                another one of its name.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove a profile with all its versions; one that cannot be read as well.

        Raises:
            ConfigError: there is none.
            StoreError: it cannot be removed.
        """
        ...


def seal(plain: bytes) -> bytes:
    """Bytes as they go to the disk: sealed with the store key; without one plain, behind a line with their hash.

    Raises:
        StoreError: the keychain refuses.
    """
    keys = find_store_keys(create=True)
    if keys:
        return sealing.seal(plain, keys[0], _PURPOSE)
    return _MAGIC + hashlib.sha256(plain).hexdigest().encode() + b"\n" + plain


def unseal(sealed: bytes) -> bytes:
    """What `seal` was given.

    Raises:
        ValueError: it is damaged.
        WrongKeyError: this account has not the key that it was sealed with.
    """
    if not sealed.startswith(_MAGIC):
        return _unsealed(sealed)
    head, _, plain = sealed.partition(b"\n")
    if head.removeprefix(_MAGIC) != hashlib.sha256(plain).hexdigest().encode():
        raise ValueError("its hash differs")
    return plain


def _unsealed(sealed: bytes) -> bytes:
    if not sealed.startswith(sealing.MAGIC):
        raise ValueError("it is not a profile")
    wrong: WrongKeyError | None = None
    for key in find_store_keys():
        try:
            return sealing.open_sealed(sealed, key, _PURPOSE, "The profile")
        except WrongKeyError as error:
            wrong = error
        except (DamagedError, TruncatedError) as error:
            raise ValueError("its bytes are not those that were written") from error
    raise wrong or NoKeyError("The profile is sealed with the store key of another account; see `ahdetect keys show`.")


def default_folder() -> Path:
    """The folder of the user's profiles; `AHDETECT_DATA` moves it."""
    root = os.environ.get("AHDETECT_DATA") or platformdirs.user_data_dir("ahdetect", appauthor=False)
    return Path(root).expanduser() / "profiles"


class FileProfiles:
    """Profiles as files that only their owner may read; obeys `ProfileStore`.

    Args:
        folder: default the user's own; made with mode 0700 when the first profile is stored.
        seal: bytes to bytes as they are stored.
        unseal: the way back; raises ValueError where they are damaged.
    """

    def __init__(
        self,
        folder: Path | None = None,
        seal: Callable[[bytes], bytes] = seal,
        unseal: Callable[[bytes], bytes] = unseal,
    ) -> None:
        self.folder = folder or default_folder()
        self._seal = seal
        self._unseal = unseal

    def names(self) -> tuple[str, ...]:
        """Names of all profiles, sorted."""
        try:
            found = [p.name.removesuffix(SUFFIX) for p in self.folder.iterdir() if p.name.endswith(SUFFIX)]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._failed("read", self.folder, error) from error
        return tuple(sorted(name for name in found if _is_name(name)))

    def load(self, name: str) -> Profile:
        """The profile of that name; see `ProfileStore.load`."""
        profile = self._read(name)
        if profile is None:
            raise self._unknown(name)
        return profile

    def save(self, profile: Profile) -> None:
        """Keep a profile, whole or not at all; see `ProfileStore.save`."""
        path = self.path(profile.name)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone():
                self._close_to_others()
                self._refuse_conflict(profile)
                plain = json.dumps(profile.to_json(), ensure_ascii=False, allow_nan=False).encode()
                self._write(path, self._seal(plain))
        except OSError as error:
            raise self._failed("written", path, error) from error
        profile.stored = len(profile.versions)

    def delete(self, name: str) -> None:
        """Remove a profile and what a cut-off write left of it; see `ProfileStore.delete`."""
        path = self.path(name)
        if not self.folder.is_dir():
            raise self._unknown(name)
        try:
            with self._alone():
                found = [p for p in (_part(path), path) if os.path.lexists(p)]
                for one in found:
                    one.unlink()
                self._sync()
        except OSError as error:
            raise self._failed("deleted", path, error) from error
        if not found:
            raise self._unknown(name)

    def path(self, name: str) -> Path:
        """The file of a profile, whether it is there or not."""
        return self.folder / (checked_name(name) + SUFFIX)

    def _read(self, name: str) -> Profile | None:
        """The profile, or None where there is no file."""
        path = self.path(name)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed("read", path, error) from error
        try:
            profile = Profile.from_json(strict_json.loads(self._unseal(sealed)))
            if profile.name != name:
                raise ValueError(f"it is the profile of {profile.name}")
        except SchemaError as error:
            raise StoreError(
                f"Profile {name} was written by a newer ahdetect ({error}); update ahdetect.", value=path
            ) from error
        except (ValueError, RecursionError) as error:
            raise StoreError(
                f"The profile {path} is damaged ({error}); put a copy in its place, or run "
                f"`ahdetect profile delete {name}` and calibrate again.",
                value=path,
            ) from error
        profile.stored = len(profile.versions)
        return profile

    def _refuse_conflict(self, profile: Profile) -> None:
        there = self._read(profile.name)
        if there is None:
            if profile.stored is not None:
                raise StoreError(
                    f"Profile {profile.name} was deleted in the meantime; nothing of it is stored again.",
                    value=profile.name,
                )
            return
        if profile.stored is None:
            raise StoreError(
                f"There is a profile {profile.name} already; choose another name, or delete that one.",
                value=profile.name,
            )
        if _texts(there.versions) != _texts(profile.versions[: profile.stored]):
            raise StoreError(
                f"Another program changed profile {profile.name}; load it again and repeat the step.",
                value=profile.name,
                permanent=False,
            )

    def _close_to_others(self) -> None:
        """Names of profiles are nobody else's business either; the owner's own rights stay as they are."""
        mode = stat.S_IMODE(self.folder.stat().st_mode)
        if mode & 0o077:
            self.folder.chmod(mode & 0o700)

    def _write(self, path: Path, data: bytes) -> None:
        part = _part(path)
        part.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        self._sync()

    def _sync(self) -> None:
        """The folder too, so that a new or removed name outlives a power cut."""
        with suppress(OSError):  # Windows cannot open a folder
            handle = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, in all programs; the system lets go with the process."""
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _unknown(self, name: str) -> ConfigError:
        names = self.names()
        there = f"there are {', '.join(names)}" if names else f"there are none in {self.folder}"
        return ConfigError(f"There is no profile {name}; {there}.", value=name)

    def _failed(self, what: str, path: Path, error: OSError) -> StoreError:
        return StoreError(
            f"{path} cannot be {what}: {error.strerror or error}; check the rights and the space of {self.folder}.",
            value=path,
        )


def _is_name(name: str) -> bool:
    try:
        return bool(checked_name(name))
    except ConfigError:
        return False


def _part(path: Path) -> Path:
    """A name that no profile can have, since none begins with a dot."""
    return path.with_name(f".{path.name}.part")


def _texts(versions: tuple[Version, ...]) -> list[str]:
    return [json.dumps(version.to_json(), sort_keys=True) for version in versions]
