"""Where a bureau's evaluation randomness must not come from: its memory, the job's name, its disk."""

from __future__ import annotations

from pathlib import Path

from protocols.randomness import Randomness, SeededRandomness, SystemRandomness, derive_seed


class HeldInMemory:
    """One generator, seeded when the process starts: a fork inherits it, and so does a restored memory image."""

    def __init__(self) -> None:
        self._stream = SeededRandomness(SystemRandomness().bytes(32))

    def for_chunk(self, name: bytes) -> Randomness:
        """Return the next bytes of the process' stream."""
        del name
        return self._stream


class DerivedFromTheJob:
    """A generator for each job and chunk, so that a crash is followed by the same bytes."""

    def __init__(self, folder: Path) -> None:
        self._secret = _kept(folder / "secret", SystemRandomness().bytes(32))

    def for_chunk(self, name: bytes) -> Randomness:
        """Return the stream of one job's chunk."""
        return SeededRandomness(derive_seed(self._secret, "chunk", name))


class JournalledOnDisk:
    """A seed and a counter on the disk: a restored disk counts again from where it stood."""

    def __init__(self, folder: Path) -> None:
        self._secret, self._counter = _kept(folder / "secret", SystemRandomness().bytes(32)), folder / "counter"

    def for_chunk(self, name: bytes) -> Randomness:
        """Return the stream of the next number."""
        del name
        number = int(_kept(self._counter, b"0")) + 1
        self._counter.write_bytes(str(number).encode())
        return SeededRandomness(derive_seed(self._secret, "number", number.to_bytes(8, "big")))


class OfTheSystem:
    """What the product does: fresh bytes of the system for every attempt."""

    def for_chunk(self, name: bytes) -> Randomness:
        """Return the system's source."""
        del name
        return SystemRandomness()


Source = HeldInMemory | DerivedFromTheJob | JournalledOnDisk | OfTheSystem
SOURCES = ("system", "memory", "job", "disk")


def source(name: str, folder: Path) -> Source:
    """Return the source that ``name`` names."""
    match name:
        case "memory":
            return HeldInMemory()
        case "job":
            return DerivedFromTheJob(folder)
        case "disk":
            return JournalledOnDisk(folder)
        case _:
            return OfTheSystem()


def _kept(path: Path, first: bytes) -> bytes:
    """Return what a file holds; ``first`` becomes its content where there is none."""
    if not path.exists():
        path.write_bytes(first)
    return path.read_bytes()
