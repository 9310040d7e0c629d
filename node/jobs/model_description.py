"""The bureau's view of a model: what it is for, its fields and edges, and the digest of its ciphertexts. No points."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from node.codes import Engine
from node.scorecards.public import DescribedBins, DescribedField, DescribedGroups, DescribedLinear
from protocols.transcript import digest

MAXIMUM_ENCRYPTED_BYTES = 1 << 30
_KINDS: dict[str, type[DescribedBins | DescribedGroups | DescribedLinear]] = {
    "bins": DescribedBins,
    "groups": DescribedGroups,
    "linear": DescribedLinear,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
ENGINE_OF_PROFILE = {"bfv-8192-1": Engine.BFV, "paillier-3072-1": Engine.PAILLIER}


@dataclass(frozen=True)
class ModelDescription:
    """Everything that a bank registers beside the ciphertexts. ``expires_at``: Unix seconds."""

    name: str
    version: str
    model_class: str
    supersedes: str
    catalogue_id: str
    catalogue_version: int
    fields: tuple[DescribedField, ...]
    profile: str
    encrypted_digest: bytes
    encrypted_bytes: int
    expires_at: int
    purposes: tuple[str, ...]

    @property
    def field_ids(self) -> tuple[str, ...]:
        """The catalogue fields that the model reads."""
        return tuple(field.field for field in self.fields)

    @property
    def model_id(self) -> bytes:
        """Digest over the whole description, and through it over the ciphertexts; 32 bytes."""
        return digest("model", self.to_json())

    def to_json(self) -> bytes:
        """Return the canonical bytes that both sides keep and digest."""
        plain = {
            **{name: value for name, value in self.__dict__.items() if name != "fields"},
            "encrypted_digest": self.encrypted_digest.hex(),
            "fields": [{"kind": _NAMES[type(field)], **asdict(field)} for field in self.fields],
        }
        return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes) -> ModelDescription:
        """Read what :meth:`to_json` wrote, from this node's own storage."""
        plain = json.loads(data)
        plain["encrypted_digest"] = bytes.fromhex(plain["encrypted_digest"])
        plain["purposes"] = tuple(plain["purposes"])
        plain["fields"] = tuple(_field(entry) for entry in plain["fields"])
        return cls(**plain)


def _field(entry: dict[str, object]) -> DescribedField:
    kind = _KINDS[str(entry.pop("kind"))]
    frozen = {name: _frozen(value) for name, value in entry.items()}
    return kind(**frozen)  # type: ignore[arg-type]  # the keys are the dataclass's own


def _frozen(value: object) -> object:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
