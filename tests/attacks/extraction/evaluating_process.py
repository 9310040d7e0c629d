"""A process that evaluates chunks as a bureau's worker does; an attack forks it, kills it and restores its disk.

Reads one request a line from standard input (name of the chunk and columns, in hexadecimal), answers with one line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocols.scoring.bureau import ScoreResponder
from protocols.scoring.engine import EncryptedModel, EncryptedScores
from protocols.scoring.engines import ENGINES
from protocols.scoring.messages import ScoreRequest
from protocols.scoring.model import PublicModel
from tests.attacks.weakened.randomness import Source, source
from tests.support.sources import ROOT

CHUNK = bytes(32)
SECONDS = 60


class EvaluatingProcess:
    """The attack's side: starts the process, asks it, ends it."""

    def __init__(self, folder: Path, randomness: str, *, forking: bool) -> None:
        command = [sys.executable, "-m", __name__, str(folder), randomness, "fork" if forking else "stay"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def ask(self, columns: NDArray[np.uint16]) -> EncryptedScores:
        """Have a chunk evaluated, always under the same name."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{columns.shape[0]} {columns.astype('>u2').tobytes().hex()}\n")
        self._process.stdin.flush()
        return EncryptedScores.decode(bytes.fromhex(self._process.stdout.readline()))

    def kill(self) -> None:
        """SIGKILL, as a power cut or an impatient operator does."""
        self._process.kill()
        self._process.communicate(timeout=SECONDS)


@contextmanager
def evaluating(folder: Path, randomness: str, *, forking: bool = False) -> Iterator[EvaluatingProcess]:
    """Run a process over a model that stands in ``folder``."""
    made = EvaluatingProcess(folder, randomness, forking=forking)
    try:
        yield made
    finally:
        made.kill()


def store(folder: Path, encrypted: EncryptedModel, public: PublicModel) -> None:
    """Write the model that a process in ``folder`` evaluates."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "public").write_bytes(public.encode())
    (folder / "encrypted").write_bytes(encrypted.encode())


def _serve(folder: Path, randomness: str, forking: bool) -> None:
    public = PublicModel.decode((folder / "public").read_bytes())
    encrypted = EncryptedModel.decode((folder / "encrypted").read_bytes(), public.column_count)
    kept = source(randomness, folder)
    for line in sys.stdin:
        if not forking:
            _answer(encrypted, public, kept, line)
            continue
        if not (child := os.fork()):
            _answer(encrypted, public, kept, line)
            os._exit(0)
        os.waitpid(child, 0)


def _answer(encrypted: EncryptedModel, public: PublicModel, kept: Source, line: str) -> None:
    count, content = line.split()
    columns = np.frombuffer(bytes.fromhex(content), dtype=">u2").astype(np.uint16).reshape(int(count), -1)
    evaluator = ENGINES["bfv"].evaluator(encrypted, public)
    responder = ScoreResponder(evaluator, columns, CHUNK, kept.for_chunk(CHUNK))
    responder.receive(ScoreRequest(CHUNK, columns.shape[1], np.zeros((columns.shape[0], 0), dtype=np.uint16)))
    sys.stdout.write(responder.evaluated().encode().hex() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "fork")
