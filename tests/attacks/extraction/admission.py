"""Who looks at a model's ciphertexts before a bureau evaluates them: nobody, or the auditor's own comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocols.scoring.engine import EncryptedModel, SecretKeyMaterial
from protocols.scoring.engines import engine_of_profile
from protocols.scoring.model import SecretModel
from protocols.scoring.remake import ColumnState, review_columns


@dataclass(frozen=True)
class Dossier:
    """What a bank hands an auditor: its key's master seed, its weights, and the ciphertexts that it will send."""

    key: SecretKeyMaterial
    model: SecretModel
    encrypted: EncryptedModel


Gate = Callable[[Dossier], bool]


def nobody(dossier: Dossier) -> bool:
    """A bureau that takes uncertified models looks at their form only."""
    del dossier
    return True


def review(dossier: Dossier) -> bool:
    """Make key and ciphertexts again from master seed and weights, as the auditor's command does, and compare."""
    encrypted = dossier.encrypted
    if engine_of_profile(encrypted.profile).public_key(dossier.key) != encrypted.public_key:
        return False
    columns = review_columns(encrypted.profile, dossier.key, dossier.model, encrypted.ciphertexts)
    return all(column.state is ColumnState.SAME for column in columns)


NOBODY: Gate = nobody
REVIEW: Gate = review
