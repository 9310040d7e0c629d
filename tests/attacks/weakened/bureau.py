"""Bureaus that do not look whose it is: a model, a job, a consent, an admission of one bank serves another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Column, Connection, select

from node.codes import Reason
from node.jobs.bureau_admissions import BureauAdmissions, Certificate, ModelAtHand
from node.jobs.bureau_journal import BureauJob, BureauJournal
from node.jobs.bureau_models import BureauModels, RegisteredModel
from node.jobs.bureau_scoring import _Judge
from node.policy.agreement import Agreement
from node.storage.admissions import Standing
from node.storage.grants import Grant
from node.storage.schema import bureau_jobs, bureau_models


def _owner(connection: Connection, owner: Column[Any], key: Column[Any], value: bytes, asking: str) -> str:
    """Return whose a thing is; the one who asks where it is nobody's."""
    return str(connection.execute(select(owner).where(key == value)).scalar() or asking)


@contextmanager
def models_of_anybody() -> Iterator[None]:
    """Look a model up by its id alone."""
    get = BureauModels.get

    def any_bank(self: BureauModels, bank: str, model_id: bytes, *, running: bool = False) -> RegisteredModel:
        with self._database.read() as connection:
            owner = _owner(connection, bureau_models.c.bank, bureau_models.c.model_id, model_id, bank)
        return get(self, owner, model_id, running=running)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BureauModels, "get", any_bank)
        yield


@contextmanager
def jobs_of_anybody() -> Iterator[None]:
    """Look a job, and the model that it runs, up by their ids alone."""
    find = BureauJournal._find

    def any_bank(
        self: BureauJournal, connection: Connection, bank: str, job_id: bytes, *, hold: bool = False
    ) -> BureauJob | None:
        owner = _owner(connection, bureau_jobs.c.bank, bureau_jobs.c.job_id, job_id, bank)
        return find(self, connection, owner, job_id, hold=hold)

    with pytest.MonkeyPatch.context() as patch, models_of_anybody():
        patch.setattr(BureauJournal, "_find", any_bank)
        yield


@contextmanager
def consents_of_anybody() -> Iterator[None]:
    """Take a consent for whoever shows its id."""
    fault = _Judge.fault

    def any_bank(self: _Judge, consent: Grant | None, code: str) -> Reason | None:
        if consent is not None:
            self._bank = consent.bank
        return fault(self, consent, code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Judge, "fault", any_bank)
        yield


@contextmanager
def admissions_of(bank: str) -> Iterator[None]:
    """Take an admission of ``bank`` for the model of any other: when it is registered, and when it is used."""
    standings, certificate = BureauAdmissions.standings, BureauAdmissions.certificate

    def of_that_bank(
        self: BureauAdmissions, model: ModelAtHand, found: Sequence[Standing], agreement: Agreement, *, running: bool
    ) -> Certificate | None:
        found = [*found, *standings(self, bank, model.description.model_id)]
        return certificate(self, replace(model, bank=bank), found, agreement, running=running)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BureauAdmissions, "certificate", of_that_bank)
        yield
