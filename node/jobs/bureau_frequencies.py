"""The bureau's side of a review: frequencies of a feature set, counted once, signed, handed out under a quota."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from node.clock import Clock
from node.codes import Code, Role
from node.compute import ComputePool
from node.data.frequencies import (
    FieldGrid,
    RankedField,
    count_classes,
    differing_enterprises,
    merge_classes,
    publish,
    rank_products,
)
from node.errors import Refusal
from node.jobs.documents import Documents
from node.logs import get_logger
from node.policy import frequencies as frequencies_policy
from node.policy.catalogue import CatalogueField, Provision
from node.policy.frequencies import MINIMUM_CELL, FieldFrequencies, Frequencies, RankCorrelation
from node.storage.features import FeatureSetState, FeatureStore, StoredFeatureSet
from node.storage.frequencies import FrequenciesStore, StoredFrequencies
from protocols.primitives.signing import SigningKey

FIELDS_A_TASK = 8
ROWS_A_TASK = 1 << 18
_log = get_logger("frequencies")


@dataclass(frozen=True)
class Step:
    """How far counting is: ``done`` of ``total`` parts."""

    done: int
    total: int


Steps = Generator[Step, None, StoredFrequencies]


class BureauFrequencies:
    """Counts a feature set on the catalogue's grid, for the auditors of the bureau's agreements."""

    def __init__(
        self,
        store: FrequenciesStore,
        documents: Documents,
        features: FeatureStore,
        compute: ComputePool,
        key: SigningKey,
        clock: Clock,
    ) -> None:
        self._store = store
        self._documents = documents
        self._features = features
        self._compute = compute
        self._key = key
        self._clock = clock

    def issue(self, auditor: str, feature_set: str = "") -> Steps:
        """Yield how far it is and return the signed frequencies; the newest active feature set where none is named.

        The same bytes for every auditor and every call, so nothing can be learned from comparing two answers.

        Raises:
            Refusal: ``PEER_UNTRUSTED`` or ``WRONG_ROLE`` for the auditor, ``AGREEMENT_INACTIVE`` where no agreement in
                force names it, ``QUOTA_EXCEEDED``, ``NOT_FOUND``; ``WRONG_STATE`` for a set that was dropped before it
                was counted, that is too small to be counted at all, or nearly the same as one that was counted.
        """
        limit = self._daily_limit(auditor)
        chosen = self._chosen(feature_set)
        self._store.charge(auditor, self._clock(), limit)
        kept = self._store.get(chosen.feature_set)
        if kept is None:  # two calls may count at once; the first that is kept counts for both
            kept = yield from self._count(chosen)
        _log.info("frequencies issued", auditor=auditor, feature_set=chosen.feature_set, digest=kept.digest.hex())
        return kept

    def _daily_limit(self, auditor: str) -> int:
        card = self._documents.trusted_card(auditor)
        if card.role is not Role.AUDITOR:
            raise Refusal(Code.WRONG_ROLE, f"{auditor} is not an auditor")
        now = self._clock()
        limits = [
            agreement.certification.frequencies_per_day
            for _, agreement in self._documents.agreements()
            if auditor in agreement.auditors and agreement.state(now) == "active"
        ]
        if not limits:
            raise Refusal(Code.AGREEMENT_INACTIVE, f"no agreement in force names the auditor {auditor}")
        return max(limits)

    def _chosen(self, feature_set: str) -> StoredFeatureSet:
        if feature_set:
            found = self._features.get(feature_set)
        else:
            active = [each for each in self._features.list() if each.state is FeatureSetState.ACTIVE]
            found = max(active, key=lambda each: (each.as_of, each.imported_at), default=None)
        if found is None:
            raise Refusal(Code.NOT_FOUND, "no feature set has this id" if feature_set else "there is no feature set")
        if found.rows < MINIMUM_CELL:
            detail = f"the feature set holds fewer than {MINIMUM_CELL} enterprises: its frequencies would show them"
            raise Refusal(Code.WRONG_STATE, detail)
        return found

    def _count(self, chosen: StoredFeatureSet) -> Steps:
        self._features.open(chosen.feature_set)  # refuses one that was dropped or is damaged
        self._require_distant(chosen)
        catalogue = self._documents.catalogue(chosen.catalogue_id, chosen.catalogue_version)
        fields = [field for field in catalogue.fields if field.provision is Provision.SCORE_ONLY]
        if not fields:
            raise Refusal(Code.WRONG_STATE, "the catalogue has no field that models may use")
        counted, correlation = yield from self._measure(self._features.path(chosen), chosen.rows, fields)
        now = self._clock()
        found = Frequencies(
            bureau=catalogue.bureau,
            feature_set=chosen.feature_set,
            as_of=chosen.as_of,
            catalogue_id=chosen.catalogue_id,
            catalogue_version=chosen.catalogue_version,
            rows=chosen.rows,
            minimum_cell=MINIMUM_CELL,
            counted_at=datetime.fromtimestamp(now // 1000, UTC),
            fields=counted,
            rank_correlation=correlation,
        )
        document = frequencies_policy.sign(found, self._key)
        return self._store.save(StoredFrequencies(chosen.feature_set, document.encode(), document.digest, now))

    def _require_distant(self, chosen: StoredFeatureSet) -> None:
        """Refuse a set whose counts, less those of another set, would show the few enterprises in which both differ."""
        for feature_set in self._store.counted():
            other = self._features.get(feature_set)
            if other is None or other.state is FeatureSetState.DROPPED or other.catalogue_id != chosen.catalogue_id:
                continue
            paths = self._features.path(chosen), self._features.path(other)
            if 0 < self._compute.run(differing_enterprises, *paths, batch=True) < MINIMUM_CELL:
                raise Refusal(
                    Code.WRONG_STATE,
                    f"the feature set differs from {feature_set}, which was counted, in fewer than {MINIMUM_CELL} "
                    "enterprises: both together would show them",
                    remedy=f"Take the frequencies of that one: --feature-set {feature_set}.",
                )

    def _measure(
        self, path: Path, rows: int, fields: Sequence[CatalogueField]
    ) -> Generator[Step, None, tuple[tuple[FieldFrequencies, ...], RankCorrelation]]:
        grids = [FieldGrid.of(field) for field in fields]
        starts = range(0, rows, ROWS_A_TASK)
        total = -(-len(fields) // FIELDS_A_TASK) + len(starts)
        done, counts = 0, []
        yield Step(done, total)
        for first in range(0, len(grids), FIELDS_A_TASK):
            counts += self._compute.run(count_classes, path, grids[first : first + FIELDS_A_TASK], batch=True)
            done += 1
            yield Step(done, total)
        cells = [merge_classes(each) for each in counts]
        ranked = [RankedField.of(*each) for each in zip(grids, counts, cells, strict=True)]
        products = np.zeros((len(fields), len(fields)))
        for start in starts:
            stop = min(start + ROWS_A_TASK, rows)
            products += self._compute.run(rank_products, path, ranked, start, stop, batch=True)
            done += 1
            yield Step(done, total)
        published = tuple(publish(*each) for each in zip(fields, grids, counts, cells, strict=True))
        return published, RankCorrelation.of(tuple(field.id for field in fields), products / rows)
