"""Keys: what a person has (keychain, key file, passphrase, age key) flows in; locks on a session key, and the way back.

Every session has a random key of its own. It stands in the folder only wrapped, once per way in ("wrap"): for the store
key of this account, for a passphrase, for the public keys of others. One of them is enough to open the session. Who
records for others with `recipients` alone cannot read what they recorded once the recorder has ended.
"""

from __future__ import annotations

import base64
import binascii
import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import nacl.exceptions
import nacl.pwhash.argon2id as argon2id
import nacl.utils

from ahdetect.errors import ConfigError, DamagedError, NoKeyError, StoreError, WrongKeyError
from ahdetect.sealing import KEY_BYTES, key_id, open_sealed, seal
from ahdetect.store_key import find_store_keys

Wrap: TypeAlias = dict[str, Any]

SHORTEST: Final = 8
"""Characters of a passphrase (NIST SP 800-63B, 5.1.1.2)."""

_MOST_OPS: Final = 20
_MOST_MEMORY: Final = 1 << 30
"""More than this a manifest cannot make us work: it may come from a stranger."""

_SALT: Final = argon2id.SALTBYTES


@dataclass(frozen=True, slots=True)
class Cost:
    """What a guess at a passphrase costs, by Argon2id.

    Attributes:
        ops: passes.
        memory: bytes.
    """

    ops: int = argon2id.OPSLIMIT_MODERATE
    memory: int = argon2id.MEMLIMIT_MODERATE
    """libsodium's "moderate": 256 MiB and, on one core of the machine this was written on, .7 s."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys at hand, to lock a new session with and to open others.

    Attributes:
        store: store keys of this account; the first one locks, all are tried.
        passphrase: locks and opens.
        recipients: age public keys ("age1..."); they lock only.
        identities: age private keys ("AGE-SECRET-KEY-1..."); they open only.
        ask: asks for a passphrase, where a session has one and nothing else opens it.
        cost: of new wraps by passphrase.

    Example:
        >>> keys = Keys(passphrase="correct horse battery")
        >>> wraps = keys.lock(session_key, session)
        >>> keys.unlock(wraps, session, "monday") == session_key
        True
    """

    store: Sequence[bytes] = field(default=(), repr=False)
    passphrase: str | None = field(default=None, repr=False)
    recipients: Sequence[str] = ()
    identities: Sequence[str] = field(default=(), repr=False)
    ask: Callable[[], str] | None = None
    cost: Cost = Cost()

    def lock(self, session_key: bytes, session: bytes) -> list[Wrap]:
        """Wraps of a session key, one per way in.

        Raises:
            NoKeyError: there is nothing to lock with.
            ConfigError: the passphrase is too short, or a recipient is none.
        """
        purpose = _purpose(session)
        wraps: list[Wrap] = []
        if self.store:
            key = self.store[0]
            wraps.append({"kind": "store", "key": key_id(key).hex(), "sealed": _text(seal(session_key, key, purpose))})
        if self.passphrase is not None:
            checked(self.passphrase)
            salt = nacl.utils.random(_SALT)
            sealed = seal(session_key, _stretched(self.passphrase, salt, self.cost), purpose)
            wraps.append(
                {
                    "kind": "passphrase",
                    "kdf": "argon2id13",
                    "ops": self.cost.ops,
                    "memory": self.cost.memory,
                    "salt": _text(salt),
                    "sealed": _text(sealed),
                }
            )
        wraps += [_for_recipient(session_key, recipient) for recipient in self.recipients]
        if not wraps:
            raise NoKeyError(
                "A recording is stored encrypted, and there is no keychain to keep its key in; give `--passphrase` or "
                "`--recipient AGE-KEY`, or make a key file once with `ahdetect keys init` (or store it readable for "
                "everybody with `--plaintext`)."
            )
        return wraps

    def unlock(self, wraps: Iterable[object], session: bytes, name: str) -> bytes:
        """The session key.

        Args:
            wraps: as `lock` made them.
            session: id of the session.
            name: of the session, for the sentence of an error.

        Raises:
            NoKeyError: none of the keys at hand is one that the session is locked for.
            WrongKeyError: the passphrase is not the one.
            DamagedError: the wrap that would open it is damaged.
        """
        problems: list[StoreError] = []
        found = [dict(wrap) for wrap in wraps if isinstance(wrap, Mapping)]
        for kind, opener in (
            ("store", self._by_store),
            ("age", self._by_identity),
            ("passphrase", self._by_passphrase),
        ):
            for wrap in (w for w in found if w.get("kind") == kind):
                try:
                    key = opener(wrap, session, name)
                except StoreError as error:
                    problems.append(error)
                    continue
                except (KeyError, TypeError, ValueError, binascii.Error):
                    problems.append(DamagedError(f"The lock of {name} is damaged; take session.json from a copy."))
                    continue
                if key is not None:
                    return key
        if problems:
            raise problems[-1]
        raise NoKeyError(f"{name} is encrypted, and {_ways(found)}.", value=name)

    def _by_store(self, wrap: Wrap, session: bytes, name: str) -> bytes | None:
        sealed = _bytes(wrap["sealed"])
        for key in self.store:
            if key_id(key).hex() == wrap["key"]:
                return open_sealed(sealed, key, _purpose(session), name)
        return None

    def _by_passphrase(self, wrap: Wrap, session: bytes, name: str) -> bytes | None:
        passphrase = self.passphrase
        if passphrase is None:
            if self.ask is None:
                return None
            passphrase = self.ask()
        cost = Cost(int(wrap["ops"]), int(wrap["memory"]))
        known = wrap["kdf"] == "argon2id13" and argon2id.OPSLIMIT_MIN <= cost.ops <= _MOST_OPS
        if not known or not argon2id.MEMLIMIT_MIN <= cost.memory <= _MOST_MEMORY:
            raise DamagedError(
                f"The lock of {name} asks for a work that no session asks for; it was changed.", value=name
            )
        key = _stretched(passphrase, _bytes(wrap["salt"]), cost)
        try:
            return open_sealed(_bytes(wrap["sealed"]), key, _purpose(session), name)
        except WrongKeyError:
            raise WrongKeyError(f"The passphrase does not open {name}; try again.", value=name) from None

    def _by_identity(self, wrap: Wrap, session: bytes, name: str) -> bytes | None:  # noqa: ARG002  one of three alike
        if not self.identities:
            return None
        age = _age()
        try:
            opened = age.decrypt(_bytes(wrap["sealed"]), [age.x25519.Identity.from_str(i) for i in self.identities])
        except age.DecryptError:
            raise WrongKeyError(f"{name} is not locked for this age key.", value=name) from None
        if len(opened) != KEY_BYTES:
            raise DamagedError(f"The lock of {name} is damaged; take session.json from a copy.", value=name)
        return bytes(opened)


def default_keys(*, create: bool = False, needed: bool = False) -> Keys:
    """The keys of this account and of the environment.

    `AHDETECT_PASSPHRASE` is a passphrase, `AHDETECT_IDENTITY` a file with age private keys; for the store key see
    `store_key.find_store_keys`.

    Args:
        create: make a store key where there is a keychain without one.
        needed: a keychain that refuses is an error; else it is passed over, as there may be another way in.

    Raises:
        ConfigError: a file that is named cannot be read or holds no key.
        StoreError: the keychain refuses, and `needed`.
    """
    store: tuple[bytes, ...] = ()
    try:
        store = find_store_keys(create=create)
    except StoreError:
        if needed:
            raise
    keys = Keys(store=store, passphrase=os.environ.get("AHDETECT_PASSPHRASE") or None)
    identity = os.environ.get("AHDETECT_IDENTITY")
    return replace(keys, identities=read_identities(Path(identity))) if identity else keys


def checked(passphrase: str) -> str:
    """The same passphrase, where it is long enough.

    Raises:
        ConfigError: it is not.
    """
    if len(passphrase) < SHORTEST:
        raise ConfigError(f"The passphrase is shorter than {SHORTEST} characters; take a longer one.")
    return passphrase


def read_passphrase(path: Path) -> str:
    """The first line of a file, which may be a descriptor (`/dev/fd/3`).

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The passphrase cannot be read from {path}: {getattr(error, 'strerror', error)}.") from error


def read_identities(path: Path) -> tuple[str, ...]:
    """The private keys in an age identity file.

    Raises:
        ConfigError: it cannot be read, or holds none.
    """
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Cannot read the age key {path}: {getattr(error, 'strerror', error)}.", value=path
        ) from error
    found = tuple(line for line in lines if line.startswith("AGE-SECRET-KEY-1"))
    if not found:
        raise ConfigError(f"{path} holds no age private key (a line AGE-SECRET-KEY-1...).", value=path)
    return found


def new_identity() -> tuple[str, str]:
    """A new age key: the private one, the public one."""
    identity = _age().x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def _for_recipient(session_key: bytes, recipient: str) -> Wrap:
    age = _age()
    try:
        sealed = age.encrypt(session_key, [age.x25519.Recipient.from_str(recipient)])
    except age.RecipientError as error:
        raise ConfigError(
            f"{recipient!r} is no age public key; it looks like age1..., and `ahdetect keys recipient` makes one.",
            value=recipient,
        ) from error
    return {"kind": "age", "recipient": recipient, "sealed": _text(sealed)}


def _age() -> Any:
    try:
        import pyrage
    except ModuleNotFoundError as error:
        raise ConfigError("Keys of others need the package pyrage; run `pip install 'ahdetect[age]'`.") from error
    return pyrage


def _stretched(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    # One passphrase is typed in two ways on two keyboards; NFC makes them the same bytes.
    typed = unicodedata.normalize("NFC", passphrase).encode()
    try:
        return argon2id.kdf(KEY_BYTES, typed, salt, opslimit=cost.ops, memlimit=cost.memory)
    except (nacl.exceptions.CryptoError, MemoryError) as error:
        raise StoreError(
            f"The passphrase needs {cost.memory >> 20} MiB of memory for a moment, more than is free; close something.",
            permanent=False,
        ) from error


def _ways(wraps: Sequence[Wrap]) -> str:
    """What would open it, in words."""
    kinds = {str(wrap.get("kind")) for wrap in wraps}
    ways = []
    if "passphrase" in kinds:
        ways.append("its passphrase (`--passphrase`, AHDETECT_PASSPHRASE)")
    if "age" in kinds:
        names = ", ".join(str(w.get("recipient"))[:16] + "..." for w in wraps if w.get("kind") == "age")
        ways.append(f"the age key of {names} (`--identity FILE`)")
    if "store" in kinds:
        ways.append("the keychain or key file of the account that recorded it")
    return f"it opens with {' or '.join(ways)}, which is not at hand" if ways else "nothing says what opens it"


def _purpose(session: bytes) -> str:
    return f"key of session {session.hex()}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: Any) -> bytes:
    return base64.b64decode(str(text), validate=True)
