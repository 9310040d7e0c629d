"""The largest model that the protocol allows, in a worker under the default memory limit: built, checked, evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from node.codes import Engine
from node.compute import ComputePool
from node.jobs.work import BuiltModel, EvaluateTask, build_model, check_model, evaluate_chunk
from node.settings_sections import ComputeSection
from protocols.randomness import SEED_BYTES
from protocols.scoring.bfv import FEW_ROWS_COLUMNS
from protocols.scoring.engine import EncryptedModel, EncryptedScores
from protocols.scoring.messages import ScoreRequest
from protocols.scoring.model import MAX_COLUMNS, BinnedField, PublicModel

BINDING = b"\x07" * 32
ROWS = 8184
LARGEST = PublicModel(tuple(BinnedField(f"f{place}", ()) for place in range(MAX_COLUMNS // 2)))
WITH_A_FAST_FORM = PublicModel(LARGEST.fields[: FEW_ROWS_COLUMNS // 2])


@pytest.fixture
def pool() -> Iterator[ComputePool]:
    """One worker, so that what it keeps of one task is there in the next."""
    with ComputePool(1, ComputeSection().memory_limit_mb, 600.0) as made:
        yield made


def build(pool: ComputePool, public: PublicModel, file: Path) -> BuiltModel:
    weights = tuple(range(public.column_count))
    told = file.with_suffix(".progress")
    return pool.run(build_model, Engine.BFV, b"\x01" * SEED_BYTES, public.encode(), weights, file, told)


def evaluated(pool: ComputePool, public: PublicModel, file: Path, digest: bytes, rows: int) -> EncryptedScores:
    canaries = np.zeros((public.column_count, 8), dtype=np.uint16)
    task = EvaluateTask(
        engine=Engine.BFV,
        model_path=file,
        model_digest=digest,
        public=public.encode(),
        features=file,  # every row is refused, so that nothing of it is read
        positions=np.full(rows, -1, dtype=np.int64),
        binding=BINDING,
        request=ScoreRequest(BINDING, rows, canaries).encode(),
    )
    return EncryptedScores.decode(pool.run(evaluate_chunk, task))


def first_half(whole: Path, file: Path) -> bytes:
    """Write the model of the first columns that still have a fast form; return its digest."""
    model = EncryptedModel.decode(whole.read_bytes(), LARGEST.column_count)
    half = replace(model, ciphertexts=model.ciphertexts[:FEW_ROWS_COLUMNS])
    file.write_bytes(half.encode())
    return half.digest()


@pytest.mark.slow
def test_the_largest_model_fits_the_default_limit_whatever_was_there_before(pool: ComputePool, tmp_path: Path) -> None:
    largest, smaller = tmp_path / "largest.model", tmp_path / "smaller.model"
    built = build(pool, LARGEST, largest)
    digest = first_half(largest, smaller)
    for public, file, known in ((LARGEST, largest, built.encrypted_digest), (WITH_A_FAST_FORM, smaller, digest)):
        pool.run(check_model, file, known, "bfv-8192-1", public.encode())
        for rows in (1, ROWS):
            assert evaluated(pool, public, file, known, rows).row_count == rows + 8
