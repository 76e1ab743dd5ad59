"""Store key: the account's keychain or key file flows in; the key that opens all sessions of this account flows out.

It is in the file that `AHDETECT_KEY_FILE` names; without that, in the keychain of the system or in the key file of
`ahdetect keys init --file`. A keychain counts where `keyring` recommends it: one that encrypts.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Any, Final

import platformdirs

from ahdetect.errors import ConfigError, StoreError
from ahdetect.sealing import KEY_BYTES, key_id, new_key

SERVICE: Final = "ahdetect"
USER: Final = "store key"
_PREFIX: Final = "AHDETECT-STORE-KEY-1-"


def key_file() -> Path:
    """Where the key file is, or would be; `AHDETECT_KEY_FILE` names another."""
    named = os.environ.get("AHDETECT_KEY_FILE")
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_config_dir("ahdetect", appauthor=False)) / "store.key"


def find_store_keys(*, create: bool = False) -> tuple[bytes, ...]:
    """All store keys of this account, that for new sessions first; none where there is neither keychain nor key file.

    Args:
        create: make one in the keychain where there is a keychain and no key at all.

    Raises:
        ConfigError: the key file cannot be read, is no key, or may be read by others.
        StoreError: the keychain refuses.
    """
    if os.environ.get("AHDETECT_KEY_FILE"):
        named = from_file()
        return () if named is None else (named,)
    keys = tuple(key for key in (from_keychain(), from_file()) if key is not None)
    if not keys and create and keychain() is not None:
        return (into_keychain(new_key()),)
    return keys


def keychain() -> Any:
    """The system's keychain; None where there is none that encrypts (a server, a container)."""
    import keyring
    import keyring.errors

    try:
        backend = keyring.get_keyring()
        return backend if backend.priority >= 1 else None
    except (RuntimeError, keyring.errors.KeyringError):  # a backend whose library is missing says so here
        return None


def from_keychain() -> bytes | None:
    """The store key in the keychain; None without one.

    Raises:
        StoreError: the keychain refuses, or holds something else in that place.
    """
    backend = keychain()
    if backend is None:
        return None
    try:
        text = backend.get_password(SERVICE, USER)
    except Exception as error:  # backends raise what their system does
        raise _refused(error) from error
    return None if text is None else _key_of(text, f"The entry {SERVICE} / {USER} of the keychain")


def into_keychain(key: bytes) -> bytes:
    """Keep a store key in the keychain; the same key.

    Raises:
        StoreError: the keychain refuses.
    """
    try:
        keychain().set_password(SERVICE, USER, _text_of(key))
    except Exception as error:  # backends raise what their system does
        raise _refused(error) from error
    return key


def from_file() -> bytes | None:
    """The store key in the key file; None without one.

    Raises:
        ConfigError: it cannot be read, is no key, or may be read by others.
    """
    path = key_file()
    try:
        text = path.read_text(encoding="utf-8").strip()
        mode = path.stat().st_mode
    except FileNotFoundError:
        if os.environ.get("AHDETECT_KEY_FILE"):
            raise ConfigError(
                f"There is no key file {path}, which AHDETECT_KEY_FILE names; `ahdetect keys init --file` makes it.",
                value=path,
            ) from None
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Cannot read the key file {path}: {getattr(error, 'strerror', error)}.", value=path
        ) from error
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"Others may read the key file {path}; run `chmod 600 {path}`.", value=path)
    return _key_of(text, f"The key file {path}")


def into_file(key: bytes, path: Path) -> bytes:
    """Keep a store key in a new file that only its owner may read; the same key.

    Raises:
        StoreError: the file is there already, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(path, "x", encoding="ascii", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            file.write(_text_of(key) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"Cannot write the key file {path}: {error.strerror or error}.", value=path) from error
    return key


def name_of_key(key: bytes) -> str:
    """What a key may be called in public."""
    return key_id(key).hex()


def _text_of(key: bytes) -> str:
    return _PREFIX + base64.urlsafe_b64encode(key).decode("ascii")


def _key_of(text: str, where: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(text.removeprefix(_PREFIX)) if text.startswith(_PREFIX) else b""
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{where} is no store key of ahdetect; take it from a copy, sessions do not open without it.")
    return key


def _refused(error: Exception) -> StoreError:
    return StoreError(
        f"The keychain of this system refuses ({str(error) or type(error).__name__}); unlock it, or use a passphrase.",
        permanent=False,
    )
