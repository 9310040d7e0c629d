"""Enterprises' consents, really signed: every enterprise gets a certificate and a key of its own, in many processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from node.clock import system_clock
from node.codes import ModelClass, Purpose
from node.policy.certificates import UsccField
from node.policy.consent import ConsentDraft
from node.policy.enterprise import EnterpriseAuthority, load_authority
from protocols.randomness import SystemRandomness

SLICE = 250
DAY_MS = 24 * 3600 * 1000
MAXIMUM_USES = 10


@dataclass(frozen=True)
class Terms:
    """What all enterprises consent to. The term begins and ends so many days from now; both may lie in the past."""

    bank: str
    bureau: str
    fields: tuple[str, ...]
    begins_in_days: float = -1
    ends_in_days: float = 30
    notice_sha256: str = "0" * 64


@dataclass(frozen=True)
class _Slice:
    """A worker's task; the authority travels as PEM because keys are never pickled."""

    authority_key: bytes
    authority_certificate: bytes
    uscc_field: UsccField
    terms: Terms
    codes: tuple[str, ...]


def sign_consents(
    authority: EnterpriseAuthority, terms: Terms, codes: Sequence[str], progress: Callable[[int], None]
) -> list[str]:
    """Return one compact JWS for every code, in order; ``progress`` is told how many are signed."""
    tasks = [
        _Slice(
            authority.export_secret_key(None),
            authority.certificate_pem(),
            authority.uscc_field,
            terms,
            tuple(codes[start : start + SLICE]),
        )
        for start in range(0, len(codes), SLICE)
    ]
    signed: list[str] = []
    processes = max(1, min(os.cpu_count() or 1, len(tasks)))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for part in pool.imap(_sign_slice, tasks):
            signed += part
            progress(len(signed))
    return signed


def _sign_slice(task: _Slice) -> list[str]:
    authority = load_authority(task.authority_key, task.authority_certificate, task.uscc_field)
    return [_sign_one(authority, task.terms, code) for code in task.codes]


def _sign_one(authority: EnterpriseAuthority, terms: Terms, code: str) -> str:
    now, randomness = system_clock(), SystemRandomness()
    draft = ConsentDraft(
        consent_id=randomness.bytes(16),
        uscc=code,
        bank=terms.bank,
        bureau=terms.bureau,
        purposes=(Purpose.LOAN_ORIGINATION,),
        fields=terms.fields,
        model_classes=(ModelClass.CREDIT_APPROVAL,),
        not_before_ms=now + round(terms.begins_in_days * DAY_MS),
        expires_ms=now + round(terms.ends_in_days * DAY_MS),
        maximum_uses=MAXIMUM_USES,
        notice_sha256=terms.notice_sha256,
    )
    return authority.issue(code, randomness, now).sign(draft, now)
