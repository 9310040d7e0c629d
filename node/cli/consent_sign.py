"""``banktax consent sign``: the enterprise's own command. It needs no node and no directory of one."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.files import input_file, output_file, read_document, write_document
from node.cli.framework import BanktaxCommand
from node.cli.moments import now
from node.cli.state import State, pass_state
from node.codes import ModelClass, Purpose

if TYPE_CHECKING:
    from node.policy.enterprise import EnterpriseCredentials

PASSPHRASE = "BANKTAX_ENTERPRISE_PASSPHRASE"  # noqa: S105 - the variable's name
moment = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.command(cls=BanktaxCommand)
@click.option(
    "--key",
    "key_file",
    type=input_file,
    required=True,
    help="The enterprise's private key, PEM: ECDSA P-256 or Ed25519.",
)
@click.option(
    "--certificate",
    "chain_file",
    type=input_file,
    required=True,
    help="Its certificate, which names the enterprise, and any between it and the authority; PEM.",
)
@click.option("--passphrase-prompt", is_flag=True, help=f"Ask for the key's passphrase; else {PASSPHRASE}.")
@click.option("--bank", required=True, help="Party id of the bank that may ask.")
@click.option("--bureau", required=True, help="Party id of the bureau that may answer.")
@click.option(
    "--purpose",
    "purposes",
    multiple=True,
    type=click.Choice([str(purpose) for purpose in Purpose]),
    default=[str(Purpose.LOAN_ORIGINATION)],
    show_default=True,
    help="What for; repeatable.",
)
@click.option(
    "--model-class",
    "model_classes",
    multiple=True,
    type=click.Choice([str(kind) for kind in ModelClass]),
    default=[str(ModelClass.CREDIT_APPROVAL)],
    show_default=True,
    help="What kind of model; repeatable.",
)
@click.option("--field", "fields", multiple=True, help="Field of the catalogue that may be used; repeatable.")
@click.option("--catalogue", type=input_file, help="Catalogue file: allow all its fields that models may use.")
@click.option("--not-before", type=moment, help="When it begins, UTC; now where not given.")
@click.option("--expires", type=moment, help="When it ends, UTC; a year after it begins where not given.")
@click.option(
    "--maximum-uses", type=click.IntRange(min=1), default=1, show_default=True, help="How many scores it allows."
)
@click.option(
    "--notice",
    type=input_file,
    required=True,
    help="The text that the enterprise was shown; its SHA-256 stands in the consent.",
)
@click.option("--out", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def sign(
    state: State,
    key_file: Path,
    chain_file: Path,
    passphrase_prompt: bool,
    bank: str,
    bureau: str,
    purposes: tuple[str, ...],
    model_classes: tuple[str, ...],
    fields: tuple[str, ...],
    catalogue: Path | None,
    not_before: datetime | None,
    expires: datetime | None,
    maximum_uses: int,
    notice: Path,
    out: Path | None,
) -> None:
    """Sign a consent with the enterprise's key and print it as a compact JWS, in one line."""
    from node.clock import system_clock
    from node.policy.consent import ConsentDraft, notice_digest
    from protocols.randomness import SystemRandomness

    signer = _credentials(state, key_file, chain_file, passphrase_prompt)
    begin = (not_before or now()).replace(tzinfo=UTC)
    end = (expires or begin + timedelta(days=365)).replace(tzinfo=UTC)
    draft = ConsentDraft(
        consent_id=SystemRandomness().bytes(16),
        uscc=signer.uscc,
        bank=bank,
        bureau=bureau,
        purposes=tuple(map(Purpose, purposes)),
        fields=_fields(fields, catalogue),
        model_classes=tuple(map(ModelClass, model_classes)),
        not_before_ms=_milliseconds(begin),
        expires_ms=_milliseconds(end),
        maximum_uses=maximum_uses,
        notice_sha256=notice_digest(read_document(notice)),
    )
    write_document(out, signer.sign(draft, system_clock()).encode("ascii") + b"\n")


def _credentials(state: State, key_file: Path, chain_file: Path, prompt: bool) -> EnterpriseCredentials:
    from node.policy.enterprise import load_credentials

    passphrase = os.environ.get(PASSPHRASE)
    if prompt:
        passphrase = click.prompt(state.text("Passphrase of the key", "私钥口令"), hide_input=True, err=True)
    return load_credentials(
        read_document(key_file), read_document(chain_file), passphrase.encode() if passphrase else None
    )


def _fields(named: tuple[str, ...], catalogue: Path | None) -> tuple[str, ...]:
    from node.cli.offered import score_fields

    if bool(named) == bool(catalogue):
        raise click.UsageError("name the fields with --field, or all of a --catalogue")
    return score_fields(catalogue)[1] if catalogue else named


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
