"""This node's own card, from its settings and keys."""

from __future__ import annotations

from node.config import Settings
from node.keys import NodeKeys
from node.policy.card import PartyCard
from node.rpc.certificates import server_name


def own_card(settings: Settings, keys: NodeKeys) -> PartyCard:
    """Return what peers trust this node by.

    Raises:
        Refusal: ``INVALID_INPUT``: a setting does not fit a card.
    """
    return PartyCard(
        party_id=settings.node.id,
        role=settings.node.role,
        name_zh=settings.node.name_zh,
        name_en=settings.node.name_en,
        endpoint=settings.endpoint,
        server_names=(server_name(settings.node.id),),
        certificates=keys.certificates,
        signing_key=keys.signing.verify_key.encoded.hex(),
        encryption_key="" if keys.encryption is None else keys.encryption.public_key.hex(),
    )
