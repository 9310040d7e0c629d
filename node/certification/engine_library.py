"""The library that an engine computes with: exactly which bytes are installed here, and whether they compute rightly.

A review is worth as much as the arithmetic under it. The digest is SHA-256 over every native file of the packages that
the engine rests on, from the bytes on the disk; each file must also have the hash that its wheel lists. The digests of
the wheels that a profile was verified with stand below (README §4.1 of protocols/scoring). The known answer is a
public key and ciphertexts under a fixed seed, recorded from an independent computation (tests/vectors/scoring).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from types import MappingProxyType

from node.codes import Engine
from protocols.errors import ParameterError
from protocols.primitives.bfv_keys import BfvEncryptor, BfvSecretKey
from protocols.primitives.bfv_packing import pack_polynomials
from protocols.primitives.paillier import PaillierSecretKey, draw_unit, stream
from protocols.transcript import digest

PACKAGES = MappingProxyType({Engine.BFV: ("tenseal",), Engine.PAILLIER: ("gmpy2", "phe")})
"""The packages that an engine's arithmetic comes from."""
CERTIFIED = MappingProxyType(
    {
        # tenseal 0.3.18 on Linux x86-64, the wheels for CPython 3.11, 3.12 and 3.13
        Engine.BFV: frozenset(
            {
                "a907c964af80a82a475961641552ccb93d74db150ad172d1016f89bd4e20440c",
                "3de0bd01d967fb6e07aa4cf87076af46ecd1d3c60a8c17c422d2fd09d8c228f7",
                "f0fba07706e843d14c2c6e0950da67777d81ed03944e128ef44d1d8ee63aa2ea",
            }
        ),
        # gmpy2 2.3.2 and phe 1.5.0 on Linux x86-64, the wheels for CPython 3.11, 3.12 and 3.13
        Engine.PAILLIER: frozenset(
            {
                "40b1a82318644d3cdd926172965f8f1b03da392641ac44139fe90f10b5c7a579",
                "131ddd738b8528a0ca32d47c950f8d79d973298463840c640a6b1b5e1ee414d4",
                "8c65ab831ca7a891c5f8c81fe67a6baf22b6067e45aedd4fe84afaa4dc4f4e7c",
            }
        ),
    }
)
"""Digests of the libraries that each engine's profile was verified with; part of the profile."""
_MASTER = bytes(range(32))
_SEED, _WEIGHT = bytes([2]) * 32, 613
_NATIVE = (".so", ".pyd", ".dylib", ".dll")
_KNOWN_ANSWERS = {
    # SHA-256 of the public key and of one ciphertext: tests/vectors/scoring has where they come from.
    Engine.BFV: (
        "e9cf2d54c0421fdeda6c3d3f1838f431ec122b4f14239cf1986d34dc7f484756",
        "7641c28e31892d782ba24b4e0033b6d274f4ee283c9869319ae86291070247ab",
    ),
    Engine.PAILLIER: (
        "8f1b19342ee0ae68a89daef49be74ef463a9df92c7b7ec1db086659fd4c43269",
        "0a4cfe1a6ebe7dc4b34b062fcc7d21a10b300f32fe4af14d1ecb8c1c41bab7c9",
    ),
}


@dataclass(frozen=True)
class EngineLibrary:
    """The library as it is installed here."""

    engine: Engine
    versions: str
    """Packages with their versions, for people."""
    sha256: str
    """Over the names and SHA-256 of all native files, 64 hexadecimal digits."""
    changed: tuple[str, ...]
    """Native files that are not what their wheel lists."""
    answers_right: bool
    """Whether the known answer comes out."""

    @property
    def certified(self) -> bool:
        """Whether the profile was verified with exactly this library, and it answers rightly."""
        return self.sha256 in CERTIFIED[self.engine] and not self.changed and self.answers_right


@cache  # once in a process: what is loaded does not change any more
def inspect(engine: Engine) -> EngineLibrary:
    """Look at the library of ``engine``: hash its files and compute the known answer; about a second."""
    lines, changed = [], []
    for package in PACKAGES[engine]:
        found = metadata.distribution(package)
        lines.append(f"{package} {found.version}")
        for file in sorted(found.files or (), key=str):
            if not _is_native(file.name):
                continue
            sha256 = hashlib.sha256(file.locate().read_bytes()).digest()  # type: ignore[attr-defined]
            lines.append(f"{file} {sha256.hex()}")
            if file.hash is None or _record_form(sha256) != file.hash.value:
                changed.append(str(file))
    versions = ", ".join(line for line in lines if line.split()[0] in PACKAGES[engine])
    return EngineLibrary(
        engine, versions, _digest(lines), tuple(changed), known_answers(engine) == _KNOWN_ANSWERS[engine]
    )


def known_answers(engine: Engine) -> tuple[str, str]:
    """Return SHA-256 of the public key and of one ciphertext under the recorded seeds, as computed here."""
    try:
        public, ciphertext = _bfv_answer() if engine is Engine.BFV else _paillier_answer()
    except ParameterError:  # a library that computes wrongly
        return "", ""
    return hashlib.sha256(public).hexdigest(), hashlib.sha256(ciphertext).hexdigest()


def _bfv_answer() -> tuple[bytes, bytes]:
    public = BfvSecretKey(_MASTER).public_key()
    return public.encode(), pack_polynomials(BfvEncryptor(public).encrypt(_WEIGHT, _SEED))


def _paillier_answer() -> tuple[bytes, bytes]:
    public = PaillierSecretKey.generate(_MASTER).public_key
    unit = draw_unit(stream(_SEED, "r"), public.modulus)
    return public.encode(), public.encode_ciphertext(public.encrypt(_WEIGHT, unit))


def _is_native(name: str) -> bool:
    return name.endswith(_NATIVE) or ".so." in name


def _record_form(sha256: bytes) -> str:
    """The form in which an installed package's RECORD lists a hash (PEP 376): base64 without padding."""
    return base64.urlsafe_b64encode(sha256).rstrip(b"=").decode("ascii")


def _digest(lines: list[str]) -> str:
    return digest("certification/engine-library", *(line.encode() for line in lines)).hex()
