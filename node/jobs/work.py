"""What worker processes run: top-level functions of picklable values, each with a small cache of prepared keys.

Secrets reach a worker through its own pipe and live in its memory only. Freshness is drawn here, per attempt, from the
operating system: a task that is tried again has another 32-byte key.
"""

from __future__ import annotations

import mmap
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from node.certification.digests import ciphertext_digests, parts_digest, public_key_digest
from node.codes import Engine
from node.storage.durable import write_new
from node.storage.featurefile import open_feature_file
from protocols.errors import PeerProtocolError
from protocols.randomness import SeededRandomness, SystemRandomness
from protocols.scoring.bank import ScoreRequester
from protocols.scoring.bureau import ScoreResponder
from protocols.scoring.engine import Decryptor, EncryptedModel, Evaluator
from protocols.scoring.engines import ENGINES, engine_of_profile
from protocols.scoring.messages import ScoreRequest, ScoreResponse
from protocols.scoring.model import PublicModel, SecretModel

ValueT = TypeVar("ValueT")
COLUMNS_KEPT = 512
"""Columns of all the models that a worker keeps ready: 0.8 MB each at most (``protocols/scoring/bfv.py``)."""
DECRYPTORS_KEPT = 8
CANARIES = 8


class _Cache(Generic[ValueT]):
    """Least recently used values whose weights stay within a budget; the last one stays, whatever its weight."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._values: OrderedDict[Hashable, tuple[ValueT, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], ValueT], weight: int = 1) -> ValueT:
        if key not in self._values:
            self._make_room(weight)
            self._values[key] = (make(), weight)
        self._values.move_to_end(key)
        return self._values[key][0]

    def clear(self) -> None:
        self._values.clear()

    def _make_room(self, weight: int) -> None:
        while self._values and sum(kept for _, kept in self._values.values()) + weight > self._budget:
            self._values.popitem(last=False)


_evaluators: _Cache[Evaluator] = _Cache(COLUMNS_KEPT)
_decryptors: _Cache[Decryptor] = _Cache(DECRYPTORS_KEPT)


# ---- at the bureau


@dataclass(frozen=True)
class EvaluateTask:
    """One attempt at one chunk. ``positions``: rows of the feature file, int64; -1 where nothing is to be read."""

    engine: Engine
    model_path: Path
    model_digest: bytes
    public: bytes
    features: Path
    positions: NDArray[np.int64]
    binding: bytes
    request: bytes


def check_model(path: Path, expected_digest: bytes, profile: str, public: bytes) -> bytes:
    """Refuse what is not exactly the announced model: digest, profile, sizes, canonical residues, bounds.

    Returns the digest over its parts that an admission has to name (``node/certification/digests.py``). Models that
    this worker kept ready go first: the largest one needs most of a worker's memory by itself.

    Raises:
        PeerProtocolError: the bytes are not what was announced.
        ParameterError: the model breaks a bound of its profile.
    """
    _evaluators.clear()
    model = PublicModel.decode(public)
    encrypted = EncryptedModel.decode(_mapped(path), model.column_count)
    if encrypted.profile != profile:
        raise PeerProtocolError("the profile is not the announced one")
    if encrypted.digest() != expected_digest:
        raise PeerProtocolError("the digest is not the announced one")
    engine_of_profile(profile).evaluator(encrypted, model)
    return parts_digest(public_key_digest(encrypted.public_key), ciphertext_digests(encrypted))


def evaluate_chunk(task: EvaluateTask) -> bytes:
    """Return the encoded encrypted scores of a chunk's rows and canaries; refused rows are evaluated as zeros.

    Raises:
        PeerProtocolError: the request does not fit the model.
    """
    public = PublicModel.decode(task.public)
    evaluator = _evaluators.get(task.model_digest, lambda: _load_evaluator(task, public), public.column_count)
    columns = np.zeros((public.column_count, task.positions.size), dtype=np.uint16)
    wanted = task.positions >= 0
    if wanted.any():
        features = open_feature_file(task.features)
        values = features.columns([field.field for field in public.fields], task.positions[wanted])
        columns[:, wanted] = public.columns(values)
    responder = ScoreResponder(evaluator, columns, task.binding, SystemRandomness())
    responder.receive(ScoreRequest.decode(task.request))
    return responder.evaluated().encode()


def _load_evaluator(task: EvaluateTask, public: PublicModel) -> Evaluator:
    encrypted = EncryptedModel.decode(_mapped(task.model_path), public.column_count)
    if encrypted.digest() != task.model_digest:
        raise PeerProtocolError("a stored model is damaged")
    return ENGINES[task.engine].evaluator(encrypted, public)


def _mapped(path: Path) -> memoryview:
    """Return a view of a file that takes none of the worker's private memory."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


# ---- at the bank


@dataclass(frozen=True)
class DecryptTask:
    """What opens one chunk's response. The canaries follow from their seed, so that a restart asks the same."""

    engine: Engine
    model_id: bytes
    secret_key: bytes = field(repr=False)
    public: bytes
    weights: tuple[int, ...] = field(repr=False)
    binding: bytes
    rows: int
    canary_seed: bytes


def _requester(task: DecryptTask) -> tuple[ScoreRequester, ScoreRequest]:
    decryptor = _decryptors.get(task.model_id, lambda: _load_decryptor(task))
    model = SecretModel(PublicModel.decode(task.public), task.weights)
    requester = ScoreRequester(model, decryptor, task.binding, task.rows, CANARIES, SeededRandomness(task.canary_seed))
    (request,) = requester.start()
    return requester, request


def _load_decryptor(task: DecryptTask) -> Decryptor:
    engine = ENGINES[task.engine]
    return engine.decryptor(engine.from_secret(task.secret_key))


def request_chunk(task: DecryptTask) -> bytes:
    """Return the encoded request of a chunk."""
    return _requester(task)[1].encode()


def decrypt_chunk(task: DecryptTask, response: bytes, released: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the scores of the rows that ``released`` marks, once canaries and range are right.

    Raises:
        PeerProtocolError: the response is malformed, or fails a check; no detail of it may leave the bank.
    """
    requester, _ = _requester(task)
    requester.expect(released)
    requester.receive(ScoreResponse.decode(response))
    return requester.result()


@dataclass(frozen=True)
class BuiltModel:
    """What building a model gives: the SECRET key for sealing; size and digest of the file for the bureau."""

    secret_key: bytes = field(repr=False)
    encrypted_bytes: int
    encrypted_digest: bytes


def build_model(
    engine: Engine, master: bytes, public: bytes, weights: tuple[int, ...], file: Path, progress_file: Path
) -> BuiltModel:
    """Make key and ciphertexts from one master seed, a function of the arguments alone; the latter go to ``file``.

    The file is on the disk when this returns. It is written here because a large model fits a worker's memory once,
    but not again for its way back through a pipe.

    Raises:
        ParameterError: the model breaks a bound of the profile.
    """
    chosen = ENGINES[engine]
    model = SecretModel(PublicModel.decode(public), weights)
    key = chosen.generate(master)

    def show(done: int, total: int) -> None:
        progress_file.write_text(f"{done} {total}", encoding="ascii")

    encrypted = chosen.encrypt_model(key, model, show)
    file.unlink(missing_ok=True)  # of an attempt that died
    write_new(file, encrypted.pieces())
    return BuiltModel(key.export_secret(), encrypted.encoded_bytes, encrypted.digest())
