"""``banktax party``: the own card, and whom this node trusts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.files import input_file, output_file, read_document, write_document
from node.cli.framework import BanktaxGroup
from node.cli.local_parties import parties_of
from node.cli.output import Columns, json_option, print_list, print_one, shown
from node.cli.state import State, pass_state

if TYPE_CHECKING:
    from node.policy.card import PartyCard

COLUMNS: Columns = (
    ("party", lambda party: party.party_id),
    ("role", lambda party: party.role),
    ("name", lambda party: party.name_en),
    ("名称", lambda party: party.name_zh),
    ("endpoint", lambda party: party.endpoint),
    ("state", lambda party: party.state),
)


@click.group(cls=BanktaxGroup)
def party() -> None:
    """Show the own card; trust and suspend other parties."""


@party.command()
@click.option("--out", type=output_file, help="File to write; standard output where none is given.")
@pass_state
def card(state: State, out: Path | None) -> None:
    """Print the public card of this node: give it to the other side.

    Made from settings and keys; the node need not run. It holds nothing secret, and is signed with the key it names.
    """
    write_document(out, _own_card(state.directory))


def _own_card(directory: Path) -> bytes:
    from node.config import load
    from node.keys import load_keys, open_sealer
    from node.own_card import own_card
    from protocols.randomness import SystemRandomness

    settings = load(directory)
    keys = load_keys(directory, open_sealer(directory, SystemRandomness()))
    return own_card(settings, keys).sign(keys.signing).encode()


@party.command()
@click.argument("card_file", metavar="CARD", type=input_file)
@click.option("--yes", is_flag=True, help="Do not ask; for scripts that compared the fingerprints themselves.")
@json_option
@pass_state
def trust(state: State, card_file: Path, yes: bool, as_json: bool) -> None:
    """Pin the party of a card, after showing its fingerprints.

    Compare them with the other side over another channel (telephone, paper): the card itself proves nothing about who
    made it. Trusting a party's newer card replaces the older one.
    """
    from node.policy import card as cards

    content = read_document(card_file)
    _show(state, cards.parse(content))
    if not yes:
        click.confirm(
            state.text("Are these the fingerprints that the other side read out?", "以上指纹与对方告知的一致吗？"),
            abort=True,
            err=True,
        )
    with parties_of(state) as parties:
        print_one(parties.trust(content), as_json)


def _show(state: State, found: PartyCard) -> None:
    """Show on standard error, also when quiet: this is what is agreed to."""
    lines = [
        (state.text("party", "参与方"), f"{found.party_id} ({found.role})"),
        (state.text("name", "名称"), f"{found.name_en} {found.name_zh}"),
        (state.text("endpoint", "地址"), found.endpoint or "-"),
        (state.text("signing key", "签名公钥"), found.signing_key_fingerprint),
    ]
    if found.encryption_key:
        lines.append((state.text("encryption key", "加密公钥"), found.encryption_key))
    lines += [(state.text("certificate", "证书"), digest) for digest in found.certificate_fingerprints]
    for name, value in lines:
        click.echo(f"{name}: {shown(value)}", err=True)


@party.command()
@click.argument("party_id", metavar="PARTY")
@json_option
@pass_state
def suspend(state: State, party_id: str, as_json: bool) -> None:
    """Refuse every further call of a party, at once, also on channels that are open."""
    with parties_of(state) as parties:
        print_one(parties.suspend(party_id), as_json)


@party.command()
@click.argument("party_id", metavar="PARTY")
@json_option
@pass_state
def resume(state: State, party_id: str, as_json: bool) -> None:
    """Let a suspended party call again."""
    with parties_of(state) as parties:
        print_one(parties.resume(party_id), as_json)


@party.command("list")
@json_option
@pass_state
def list_parties(state: State, as_json: bool) -> None:
    """List the parties that were trusted here."""
    with parties_of(state) as parties:
        print_list(parties.list(), COLUMNS, as_json)
