"""The sender of one run of ``vole``: the list's codes as items, those of one bucket."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from node.errors import Refusal
from node.jobs.bucket_file import split
from node.jobs.bureau_screening import ScreeningService
from node.jobs.screening_calls import ExchangePlace, run_name
from node.jobs.screening_exchange import bucket_plan
from node.storage.bureau_screenings import BureauScreening
from protocols.primitives.blocks import Blocks
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.vole.buckets import BucketPlan
from protocols.psi.vole.items import pack
from protocols.psi.vole.sender import VoleIntersectionSender

KEPT_FILES = 16
"""Screenings whose split lists are kept: the oldest goes first, and is split again when it is needed."""


class VoleSenders:
    """Makes the machines; a list is split once for all buckets of a screening, into a file that it is read from."""

    def __init__(self, service: ScreeningService) -> None:
        self._service = service
        self._splitting = threading.Lock()

    def sender(self, screening: BureauScreening, place: ExchangePlace) -> VoleIntersectionSender:
        """Return the machine of one run.

        Raises:
            Refusal: ``BOUND_EXCEEDED``, the sets cannot be split so; ``COMPUTE_FAILED``, a bucket overflows.
        """
        security = screening.security or SecurityProfile.SEMI_HONEST
        key = screening.bucket_key
        plan = bucket_plan(screening.padded_codes, screening.list_items, screening.buckets, key, security)
        items = self._items(screening, plan, place.bucket)
        return VoleIntersectionSender(items, plan.parameters(run_name(place)), self._service.randomness)

    def _items(self, screening: BureauScreening, plan: BucketPlan, bucket: int) -> Blocks:
        service = self._service
        stored = service.stored.published(screening.name, screening.version)
        codes = service.lists.content(stored).codes
        if plan.buckets == 1:
            return pack(np.asarray(codes))
        path = service.stored.split_path(screening.session_id)
        with self._splitting:
            if not path.exists():
                _make_room(path.parent)
            items = split(path, codes, plan, plan.sender_capacity).items(bucket)
        try:
            service.journal.require_open(screening.bank, screening.session_id, screening.protocol)
        except Refusal:  # closed while the list was split: whoever closed it found no file to remove
            path.unlink(missing_ok=True)
            raise
        return items


def _make_room(folder: Path) -> None:
    kept = sorted(folder.glob("*.items"), key=lambda path: path.stat().st_mtime)
    for path in kept[: max(0, len(kept) + 1 - KEPT_FILES)]:
        path.unlink(missing_ok=True)
