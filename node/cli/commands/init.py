"""``banktax init``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from node.cli.framework import BanktaxCommand
from node.cli.state import State, pass_state
from node.codes import Code, Role
from node.errors import Refusal

PASSPHRASE = "BANKTAX_PASSPHRASE"  # noqa: S105 - the variable's name


@click.command(cls=BanktaxCommand)
@click.argument("role", type=click.Choice([str(role) for role in Role]))
@click.option(
    "--id",
    "party_id",
    required=True,
    help="Party id: lower-case letters, digits and hyphens; it stands in the card and in agreements.",
)
@click.option("--name", "name_en", required=True, help="Name in English.")
@click.option("--name-zh", default="", help="Name in Chinese; the English name where none is given.")
@click.option("--passphrase-prompt", is_flag=True, help="Ask for a passphrase that wraps the node key.")
@click.option(
    "--key-file",
    type=click.Choice(["auto"]),
    default="auto",
    help="auto: keep the node key in DIR/keys/node.key (0600), unless a passphrase wraps it.",
)
@click.option("--server-listen", metavar="HOST:PORT", help="Where peers call; a bank needs none.")
@click.option("--control-listen", metavar="HOST:PORT", help="Where operators call; port 0 takes a free one.")
@click.option("--endpoint", default="", metavar="HOST:PORT", help="What peers dial, where it is not --server-listen.")
@pass_state
def init(
    state: State,
    role: str,
    party_id: str,
    name_en: str,
    name_zh: str,
    passphrase_prompt: bool,
    key_file: str,  # noqa: ARG001 - «auto» is the only way there is besides a passphrase
    server_listen: str | None,
    control_listen: str | None,
    endpoint: str,
) -> None:
    """Make the directory of a new node: settings, sealed keys, certificates, an operator.

    ROLE is bureau, bank or auditor. The node key, which seals all others, lies in a key file, or is wrapped under the
    passphrase that --passphrase-prompt asks for or BANKTAX_PASSPHRASE holds.
    """
    from node.clock import system_clock
    from node.initialise import NewNode, initialise
    from protocols.randomness import SystemRandomness

    node = NewNode(
        role=Role(role),
        party_id=party_id,
        name_zh=name_zh or name_en,
        name_en=name_en,
        listen=server_listen,
        control_listen=control_listen,
        endpoint=endpoint,
        passphrase=_passphrase(state, passphrase_prompt),
    )
    directory = _new_directory(state)
    initialise(directory, node, randomness=SystemRandomness(), clock=system_clock)
    state.note(f"{role} {party_id} is in {directory}", f"{role} {party_id} 已建立于 {directory}")
    if node.role is Role.AUDITOR:
        state.note(
            f"give banks and bureaus its card: banktax party card --dir {directory}",
            f"请将名片交给银行和税务端：banktax party card --dir {directory}",
        )
    else:
        state.note(
            f"look through {directory}/banktax.toml, then: banktax serve --dir {directory}",
            f"请检查 {directory}/banktax.toml，然后执行：banktax serve --dir {directory}",
        )


def _new_directory(state: State) -> Path:
    if state.chosen_directory is None and not os.environ.get("BANKTAX_DIR"):
        raise Refusal(
            Code.INVALID_INPUT, "where to? no directory was given", remedy="Give --dir DIR, or set BANKTAX_DIR."
        )
    return state.directory


def _passphrase(state: State, prompt: bool) -> str | None:
    """Return the passphrase asked for, or the environment's; never one from the command line, which others can see."""
    if not prompt:
        return os.environ.get(PASSPHRASE)
    entered: str = click.prompt(
        state.text("Passphrase for the node key", "节点密钥口令"), hide_input=True, confirmation_prompt=True, err=True
    )
    return entered
