"""``banktax ledger``: a bureau's extraction ledger."""

from __future__ import annotations

import click

from node.cli.framework import BanktaxGroup
from node.cli.output import Columns, json_option, print_list
from node.cli.state import State, pass_state

ENTRIES: Columns = (
    ("bank", lambda item: item.bank),
    ("model", lambda item: item.model or item.model_id),
    ("bits", lambda item: f"{item.bits:.3f}"),
    ("debited", lambda item: item.debited_at),
    ("last use", lambda item: item.used_at),
)
ALERTS: Columns = (
    ("uscc", lambda item: item.uscc),
    ("banks", lambda item: item.banks),
    ("models", lambda item: item.models),
    ("last use", lambda item: item.latest_at),
)


@click.group(cls=BanktaxGroup)
def ledger() -> None:
    """Look at which models were used on an enterprise (at a bureau)."""


@ledger.command()
@click.argument("uscc")
@click.option("--bank", default="", help="Only what this bank used.")
@json_option
@pass_state
def show(state: State, uscc: str, bank: str, as_json: bool) -> None:
    """Show every certified model that was used on the enterprise USCC, and how many bits each told at most."""
    with state.client() as node:
        print_list(node.ledger.show(uscc, bank), ENTRIES, as_json)


@ledger.command()
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many, most models first."
)
@json_option
@pass_state
def alerts(state: State, limit: int, as_json: bool) -> None:
    """List enterprises on which several banks together used more models than security.ledger_alert_models.

    Nobody is refused for it, and no bank learns of it: it is for the bureau to ask why.
    """
    with state.client() as node:
        print_list(node.ledger.alerts(limit), ALERTS, as_json)
