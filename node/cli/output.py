"""Results on standard output: a table for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from node.cli.language import printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")

Columns = Sequence[tuple[str, Callable[[Any], object]]]
"""Heading and value of each column of a table."""


def print_json(value: object) -> None:
    """Print dataclasses, or plain values, as indented JSON; times as ISO 8601."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def print_list(items: Sequence[DataclassInstance], columns: Columns, as_json: bool) -> None:
    """Print many things: a line each, or a JSON list of all they hold."""
    if as_json:
        print_json(items)
        return
    rows = [[shown(value(item)) for _, value in columns] for item in items]
    _print_table([heading for heading, _ in columns], rows)


def print_one(item: DataclassInstance, as_json: bool) -> None:
    """Print everything about one thing: a line for each attribute that holds something."""
    if as_json:
        print_json(item)
        return
    pairs = ((entry.name, getattr(item, entry.name)) for entry in dataclasses.fields(item))
    _print_table([], [[name, shown(value)] for name, value in pairs if value not in (None, "", (), {})])


def print_counts(headings: Sequence[str], counts: Mapping[tuple[str, ...], int]) -> None:
    """Print how often what occurred, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    _print_table(list(headings), [[*map(shown, key), f"{count:,}"] for key, count in ranked])


def shown(value: object) -> str:
    """Return a value as a person reads it, in one line that cannot steer the terminal."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return printable(", ".join(f"{key} {count}" for key, count in value.items()))
    if isinstance(value, (tuple, list)):
        return printable(", ".join(map(str, value)))
    return printable(str(value))


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {entry.name: getattr(value, entry.name) for entry in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    table = Table(box=None, show_header=bool(headings), pad_edge=False, header_style="bold")
    for heading in headings or ("", ""):
        table.add_column(Text(heading), overflow="fold", no_wrap=not terminal)
    for row in rows:
        table.add_row(*map(Text, row))
    if terminal:
        Console(file=sys.stdout).print(table)
        return
    # A pipe gets whole lines whatever the terminal's width, so that no identifier is ever broken.
    console = Console(file=io.StringIO(), width=100_000)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())
