"""Destroying what an auditor must not keep: the dossier, and with it the model and the seeds of its key.

A dossier opens only through the file key that is wrapped in its head. That head is overwritten and forced to the disk
before the file is removed, so that what a disk may keep of the rest opens no more. NOT covered: copies elsewhere,
backups, and storage that keeps the blocks it was told to overwrite (solid-state disks, snapshots);
docs/auditor-guide.md says how to receive dossiers so that there are none.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from node.certification.dossier import DOSSIER_LABEL, DossierReader
from node.certification.office import AuditorOffice
from node.certification.office_log import Deed
from node.certification.sealed_file import read_head
from node.codes import Code, Role
from node.errors import Refusal
from node.storage.durable import sync_folder
from protocols.randomness import Randomness


@dataclass(frozen=True)
class Forgotten:
    """What was destroyed; empty texts where the file could not be read to its header."""

    bank: str = ""
    model: str = ""
    model_id: str = ""
    dossier: str = ""


def forget(office: AuditorOffice, path: Path) -> Forgotten:
    """Destroy a dossier's file and log it. What the review found stays; it holds no points and no seeds.

    A dossier that is damaged, or whose bank is not trusted any more, is destroyed like any other.

    Raises:
        Refusal: ``INVALID_INPUT``: no dossier for this auditor, which is left as it is; ``STORAGE_UNAVAILABLE``: it
            cannot be destroyed; ``AUDIT_UNAVAILABLE``: the log is broken, and then nothing is destroyed.
    """
    head_bytes = _head_of_ours(office, path)
    known = _look(office, path)
    office.log.read()
    try:
        _overwrite(path, head_bytes, office.randomness)
        path.unlink()
        sync_folder(path.absolute().parent)
    except OSError as error:
        raise Refusal(
            Code.STORAGE_UNAVAILABLE,
            f"{path} cannot be destroyed: {error.strerror}",
            remedy="Destroy the file by other means, for its seeds open every response to the model.",
        ) from None
    office.log.append(Deed.FORGOTTEN, **vars(known), detail=path.name)
    return known


def _head_of_ours(office: AuditorOffice, path: Path) -> int:
    """Return the length of the head of a dossier for this auditor."""
    try:
        with path.open("rb") as file:
            head = read_head(file)
            length = file.tell()
    except OSError as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {error.strerror}") from None
    if (head.label, head.reader) != (DOSSIER_LABEL, office.party_id):
        raise Refusal(Code.INVALID_INPUT, f"{path} is a {head.label} for {head.reader}: it is left as it is")
    return length


def _look(office: AuditorOffice, path: Path) -> Forgotten:
    try:
        with path.open("rb") as file:
            reader = DossierReader(
                file, office.party_id, office.encryption_key, lambda bank: office.key_of(bank, Role.BANK)
            )
        description, header = reader.content.description, reader.content.header
    except Refusal:
        return Forgotten()
    return Forgotten(header.bank, f"{description.name}@{description.version}", header.model_id, reader.digest)


def _overwrite(path: Path, length: int, randomness: Randomness) -> None:
    """Overwrite the first ``length`` bytes in place, twice, each time to the disk."""
    with path.open("r+b") as file:
        for _ in range(2):
            file.seek(0)
            file.write(randomness.bytes(length))
            file.flush()
            os.fsync(file.fileno())
