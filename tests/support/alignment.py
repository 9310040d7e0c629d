"""A bureau and a bank for tests of the alignment: real parts, and a wire that keeps what crosses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from node.alignment.epoch import EpochInfo, Runner, StandingCodes, run_here
from node.alignment.memory import AlignmentMemory
from node.alignment.standing import StandingSet
from node.keys import Sealer
from node.storage.database import Database
from protocols.randomness import SystemRandomness

BANK = "bank-a"
BUREAU = "bureau-a"
DAY = 86_400_000
NOON = 1_750_000_000_000 // DAY * DAY + DAY // 2


def codes(count: int, first: int = 0) -> list[str]:
    """Return distinct strings of a code's form."""
    return [f"91350100{index:010d}" for index in range(first, first + count)]


def standing_codes(held: list[str]) -> StandingCodes:
    """Return a provider whose version follows its content."""
    return StandingCodes(version=f"{len(held)}:{hash(tuple(sorted(held)))}", load=lambda: held)


@dataclass
class Bureau:
    """A standing set with its clock."""

    database: Database
    folder: Path
    runner: Runner = run_here
    now: int = NOON
    standing: StandingSet = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin again with an empty memory on the same database and files."""
        sealer = Sealer(bytes(range(32)), SystemRandomness())
        self.standing = StandingSet(
            self.database, self.folder, sealer, lambda: self.now, SystemRandomness(), runner=self.runner
        )


@dataclass
class Wire:
    """The bank's client: calls the bureau directly and writes down every byte that reaches it."""

    bureau: Bureau
    held: list[str]
    bank: str = BANK
    daily_limit: int = 10**6
    to_bureau: list[bytes] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    change_frames: Callable[[Iterator[bytes]], Iterator[bytes]] = lambda frames: frames
    change_answer: Callable[[bytes], bytes] = lambda answer: answer

    def get_epoch(self) -> EpochInfo:
        self.calls.append("epoch")
        return self.bureau.standing.epoch_for(self.bank, standing_codes(self.held))

    def download_tags(self, epoch_id: bytes, first: int) -> Iterator[bytes]:
        self.calls.append(f"download {first}")
        self.to_bureau += [epoch_id, first.to_bytes(8, "big")]
        return self.change_frames(self.bureau.standing.read_tags(self.bank, epoch_id, first))

    def evaluate(self, epoch_id: bytes, blinded: bytes) -> bytes:
        self.calls.append(f"evaluate {len(blinded) // 32}")
        self.to_bureau += [epoch_id, blinded]
        return self.change_answer(self.bureau.standing.evaluate(self.bank, epoch_id, blinded, self.daily_limit))


@dataclass
class Bank:
    """A memory that can be restarted."""

    database: Database
    folder: Path
    memory: AlignmentMemory = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin again with an empty memory on the same database and files."""
        self.memory = AlignmentMemory(self.database, self.folder)
