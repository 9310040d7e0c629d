"""Whole runs of both protocols of set intersection in memory: two lists and a seed in, which codes matched out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.psi.evaluation import evaluate_outputs
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.oprf import SEED_BYTES, Mode, derive_key_pair
from protocols.psi.tags import TagSet, publish, truncate
from protocols.psi.verifiable import VerifiableClient, VerifiableServer
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
    tags = truncate(evaluate_outputs(key.export_secret(), listed.tolist(), Mode.VOPRF)).tobytes()
    published = TagSet.from_bytes(publish([tags], len(listed), bureau))
    held = []
    for first in range(0, len(own), MAXIMUM_BATCH):
        client = VerifiableClient(own[first : first + MAXIMUM_BATCH].tolist(), key.public_key(), bank)
        server = VerifiableServer(key, bureau)
        server.start()
        for blinded in client.start():
            for evaluated in server.receive(blinded):
                client.receive(evaluated)
        held.append(published.held(truncate(client.output_rows())))
    return np.concatenate(held)
