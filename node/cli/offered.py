"""A catalogue's file, read without a node: what it offers to models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.files import read_document

if TYPE_CHECKING:
    from node.policy.catalogue import Catalogue


def read_catalogue(path: Path) -> Catalogue:
    """Return the catalogue of a file, signed or not; its form is checked, its signature is not."""
    from node.policy.catalogue import CATALOGUE_KIND, Catalogue
    from node.policy.documents import decode_or_draft

    return Catalogue.from_body(decode_or_draft(read_document(path), CATALOGUE_KIND).body)


def score_fields(path: Path) -> tuple[Catalogue, tuple[str, ...]]:
    """Return the catalogue of a file and the ids of the fields that models may use."""
    from node.policy.catalogue import Provision

    found = read_catalogue(path)
    return found, tuple(field.id for field in found.fields if field.provision is Provision.SCORE_ONLY)
