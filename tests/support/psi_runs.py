"""Whole runs of both protocols of set intersection in memory: two lists and a seed in, which codes matched out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.oprf import OUTPUT_BYTES, SEED_BYTES, Mode, derive_key_pair
from protocols.psi.tags import TAG_BYTES, TagSet, publish, tag
from protocols.psi.verifiable import VerifiableClient, VerifiableServer, evaluate_outputs
from protocols.psi.vole.items import pack
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.randomness import SeededRandomness, derive_seed
from tests.support.psi_vole import pair, run

Codes = NDArray[np.bytes_]


def vole_matches(own: Codes, listed: Codes, seed: bytes) -> NDArray[np.bool_]:
    """Return for each own code whether it is listed, by ``vole`` over the silent vector OLE."""
    session = derive_seed(seed, "session")
    parameters = VoleIntersectionParameters.for_counts(len(own), len(listed), session)
    receiver, sender = pair(pack(own), pack(listed), parameters, seed)
    run(receiver, sender)
    return receiver.result()


def oprf_matches(own: Codes, listed: Codes, seed: bytes) -> NDArray[np.bool_]:
    """Return for each own code whether it is listed, by ``oprf`` with every batch's proof made and checked."""
    bureau, bank = (SeededRandomness(derive_seed(seed, side)) for side in ("bureau", "bank"))
    key = derive_key_pair(bureau.bytes(SEED_BYTES), b"run", Mode.VOPRF)
    outputs = np.frombuffer(evaluate_outputs(key.export_secret(), listed.tolist()), np.uint8)
    tags = outputs.reshape(-1, OUTPUT_BYTES)[:, :TAG_BYTES].tobytes()
    published = TagSet.from_bytes(publish([tags], len(listed), bureau))
    held: list[bool] = []
    for first in range(0, len(own), MAXIMUM_BATCH):
        client = VerifiableClient(own[first : first + MAXIMUM_BATCH].tolist(), key.public_key(), bank)
        server = VerifiableServer(key, bureau)
        server.start()
        for blinded in client.start():
            for evaluated in server.receive(blinded):
                client.receive(evaluated)
        held += published.contains([tag(output) for output in client.result()])
    return np.array(held, dtype=np.bool_)
