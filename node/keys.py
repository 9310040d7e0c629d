"""A node's keys, sealed at rest.

One random node key of 32 bytes seals everything that is secret: signing key, TLS key, and the sealed columns of the
database. The node key itself lies either in a key file (``BANKTAX_KEY_FILE`` or ``DIR/keys/node.key``, mode 0600) or
beside it wrapped under a passphrase (``DIR/keys/node.key.wrapped``, ``BANKTAX_PASSPHRASE``): scrypt (RFC 7914) is
paid once at the start, and a changed passphrase rewraps 32 bytes.

Sealing is AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; the label of what is sealed is authenticated, so
that one sealed thing cannot be put in another's place. NOT protected: who can read the node key, or the memory of the
running node, can read everything.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from node.codes import Code
from node.errors import Refusal
from node.rpc.certificates import KeyAndCertificate
from protocols.encoding import Reader, Writer
from protocols.errors import PeerProtocolError
from protocols.primitives.public_encryption import EncryptionKey
from protocols.primitives.signing import SigningKey
from protocols.randomness import Randomness
from protocols.transcript import bind

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
SALT_BYTES = 16
SEALED_VERSION = 1
WRAPPED_VERSION = 1
SCRYPT_LOG2_N, SCRYPT_R, SCRYPT_P = 17, 8, 1
MAXIMUM_SCRYPT_LOG2_N, MAXIMUM_SCRYPT_R, MAXIMUM_SCRYPT_P = 20, 16, 4  # a forged header must not eat the memory

KEYS_DIRECTORY = "keys"
NODE_KEY_FILE = "node.key"
WRAPPED_KEY_FILE = "node.key.wrapped"
SIGNING_KEY_FILE = "signing.key.sealed"
TLS_KEY_FILE = "tls.key.sealed"
CERTIFICATE_FILE = "tls.crt"
PREVIOUS_CERTIFICATE_FILE = "tls-previous.crt"
ENCRYPTION_KEY_FILE = "encryption.key.sealed"
SIGNING_LABEL = "party signing key"
TLS_LABEL = "tls key"
ENCRYPTION_LABEL = "party encryption key"

PASSPHRASE_VARIABLE = "BANKTAX_PASSPHRASE"  # noqa: S105 - the variable's name
KEY_FILE_VARIABLE = "BANKTAX_KEY_FILE"
MINIMUM_PASSPHRASE = 12


class Sealer:
    """Seals and opens secrets under the node key. Opaque: shows nothing, cannot be pickled."""

    def __init__(self, node_key: bytes, randomness: Randomness) -> None:
        if len(node_key) != KEY_BYTES:
            raise _unavailable(f"the node key must have {KEY_BYTES} bytes")
        self._cipher = AESGCM(node_key)
        self._randomness = randomness

    def seal(self, secret: bytes, label: str) -> bytes:
        """Return ``secret`` sealed: version byte, nonce, ciphertext and tag; 29 bytes longer.

        Args:
            secret: what to seal.
            label: what it is; the same label opens it, no other does.
        """
        nonce = self._randomness.bytes(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret, bind("sealed", label.encode()))
        return Writer().uint(SEALED_VERSION, 1).raw(nonce).raw(sealed).finish()

    def open(self, sealed: bytes, label: str) -> bytes:
        """Return the secret that :meth:`seal` sealed under the same label.

        Raises:
            Refusal: ``KEY_UNAVAILABLE``: another key, another label, or changed bytes.
        """
        try:
            reader = Reader(sealed)
            reader.uint(1, SEALED_VERSION, SEALED_VERSION)
            nonce = reader.fixed(NONCE_BYTES)
            return self._cipher.decrypt(nonce, sealed[1 + NONCE_BYTES :], bind("sealed", label.encode()))
        except (PeerProtocolError, InvalidTag):
            raise _unavailable(f"the sealed {label} cannot be opened with this node key") from None

    def __repr__(self) -> str:
        return "Sealer(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a sealer cannot be pickled")


@dataclass(frozen=True, repr=False)
class NodeKeys:
    """What a running node holds in memory."""

    signing: SigningKey
    tls: KeyAndCertificate
    certificates: tuple[str, ...]
    """Certificates for the card, PEM, the current one first; the former one stays while peers change over."""
    encryption: EncryptionKey | None = None
    """What dossiers are encrypted to; an auditor's alone."""

    def __repr__(self) -> str:
        return "NodeKeys(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("keys cannot be pickled")


def open_sealer(directory: Path, randomness: Randomness, environment: Mapping[str, str] | None = None) -> Sealer:
    """Return the sealer of the node in ``directory``.

    Args:
        directory: the node's directory.
        randomness: for the nonces of what will be sealed.
        environment: where passphrase and key file are looked up; the process environment if not given.

    Raises:
        Refusal: ``KEY_UNAVAILABLE``: no key file, one that others may read, or a wrong or missing passphrase.
    """
    environment = os.environ if environment is None else environment
    named = environment.get(KEY_FILE_VARIABLE)
    wrapped = directory / KEYS_DIRECTORY / WRAPPED_KEY_FILE
    if named:
        return Sealer(_read_key_file(Path(named)), randomness)
    if wrapped.exists():
        passphrase = environment.get(PASSPHRASE_VARIABLE)
        if not passphrase:
            raise _unavailable(f"the node key is wrapped under a passphrase and {PASSPHRASE_VARIABLE} is not set")
        return Sealer(unwrap(_read(wrapped), passphrase), randomness)
    return Sealer(_read_key_file(directory / KEYS_DIRECTORY / NODE_KEY_FILE), randomness)


def load_keys(directory: Path, sealer: Sealer) -> NodeKeys:
    """Return the keys of the node in ``directory``.

    Raises:
        Refusal: ``KEY_UNAVAILABLE``: a file is missing or does not open.
    """
    keys = directory / KEYS_DIRECTORY
    signing = SigningKey(sealer.open(_read(keys / SIGNING_KEY_FILE), SIGNING_LABEL))
    key_pem = sealer.open(_read(keys / TLS_KEY_FILE), TLS_LABEL)
    current = _read(keys / CERTIFICATE_FILE)
    previous = keys / PREVIOUS_CERTIFICATE_FILE
    certificates = [current, *([_read(previous)] if previous.exists() else [])]
    return NodeKeys(
        signing,
        KeyAndCertificate(key_pem, current),
        tuple(pem.decode("ascii", "replace") for pem in certificates),
        _load_encryption_key(keys / ENCRYPTION_KEY_FILE, sealer),
    )


def _load_encryption_key(path: Path, sealer: Sealer) -> EncryptionKey | None:
    return EncryptionKey(sealer.open(_read(path), ENCRYPTION_LABEL)) if path.exists() else None


def wrap(node_key: bytes, passphrase: str, randomness: Randomness, log2_n: int = SCRYPT_LOG2_N) -> bytes:
    """Return the node key wrapped under a passphrase; scrypt's parameters stand in the header and are authenticated.

    Raises:
        Refusal: ``KEY_UNAVAILABLE``: the passphrase is shorter than 12 characters.
    """
    if len(passphrase) < MINIMUM_PASSPHRASE:
        raise _unavailable(f"a passphrase must have at least {MINIMUM_PASSPHRASE} characters")
    salt, nonce = randomness.bytes(SALT_BYTES), randomness.bytes(NONCE_BYTES)
    header = _header(log2_n, SCRYPT_R, SCRYPT_P, salt)
    cipher = AESGCM(_stretch(passphrase, salt, log2_n, SCRYPT_R, SCRYPT_P))
    return header + nonce + cipher.encrypt(nonce, node_key, bind("wrapped node key", header))


def unwrap(wrapped: bytes, passphrase: str) -> bytes:
    """Return the node key that :func:`wrap` wrapped.

    Raises:
        Refusal: ``KEY_UNAVAILABLE``: another passphrase or changed bytes.
    """
    try:
        reader = Reader(wrapped)
        reader.uint(1, WRAPPED_VERSION, WRAPPED_VERSION)
        log2_n = reader.uint(1, MAXIMUM_SCRYPT_LOG2_N, 1)
        r, p = reader.uint(1, MAXIMUM_SCRYPT_R, 1), reader.uint(1, MAXIMUM_SCRYPT_P, 1)
        salt, nonce = reader.fixed(SALT_BYTES), reader.fixed(NONCE_BYTES)
        sealed = reader.fixed(KEY_BYTES + TAG_BYTES)
        reader.finish()
        cipher = AESGCM(_stretch(passphrase, salt, log2_n, r, p))
        return cipher.decrypt(nonce, sealed, bind("wrapped node key", _header(log2_n, r, p, salt)))
    except (PeerProtocolError, InvalidTag):
        raise _unavailable("the passphrase does not open the node key") from None


def _header(log2_n: int, r: int, p: int, salt: bytes) -> bytes:
    return Writer().uint(WRAPPED_VERSION, 1).uint(log2_n, 1).uint(r, 1).uint(p, 1).fixed(salt, SALT_BYTES).finish()


def _stretch(passphrase: str, salt: bytes, log2_n: int, r: int, p: int) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=1 << log2_n, r=r, p=p).derive(passphrase.encode())


def _read_key_file(path: Path) -> bytes:
    key = _read(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise _unavailable(f"others may read the key file {path}: set its mode to 0600")
    if len(key) != KEY_BYTES:
        raise _unavailable(f"the key file {path} must hold {KEY_BYTES} random bytes")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise _unavailable(f"{path} cannot be read") from None


def _unavailable(detail: str) -> Refusal:
    return Refusal(Code.KEY_UNAVAILABLE, detail)
