"""``banktax consent``: enterprises' consents."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import click

from node.cli.consent_sign import sign
from node.cli.exits import Exit
from node.cli.files import output_file, reading, replacing
from node.cli.framework import BanktaxGroup
from node.cli.output import Columns, json_option, print_counts, print_json, print_list, print_one
from node.cli.progress import progress
from node.cli.state import State, pass_state
from node.client.results import ConsentVerdict
from node.codes import Code
from node.errors import Refusal

MAXIMUM_JWS = 64 * 1024
REPORT_HEADER = ("place", "consent_id", "uscc", "state", "reason")
COLUMNS: Columns = (
    ("consent", lambda item: item.consent_id),
    ("uscc", lambda item: item.uscc),
    ("bank", lambda item: item.bank),
    ("bureau", lambda item: item.bureau),
    ("state", lambda item: item.state),
    ("uses", lambda item: f"{item.uses}/{item.maximum_uses}"),
    ("expires", lambda item: item.expires),
    ("purposes", lambda item: item.purposes),
)


@click.group(cls=BanktaxGroup)
def consent() -> None:
    """Sign, register, revoke and look at enterprises' consents."""


consent.add_command(sign)


@consent.command()
@click.argument("files", metavar="FILE...", type=click.Path(path_type=Path, dir_okay=False), nargs=-1, required=True)
@click.option("--bureau", default="", help="At a bank: party id of the bureau; needed where several are trusted.")
@click.option("--report", type=output_file, help="Write every verdict here, as CSV.")
@json_option
@pass_state
def register(state: State, files: tuple[Path, ...], bureau: str, report: Path | None, as_json: bool) -> None:
    """Register consents: each FILE holds compact JWS, one in a line; - is standard input.

    A bank first learns privately which enterprises the bureau holds and presents consents for those alone: the others
    are not_held and are never sent. Ends with 3 where consents were refused.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    with ExitStack() as stack:
        write = stack.enter_context(_reporting(report))
        bar = stack.enter_context(progress(state, state.text("registering consents", "登记授权")))
        node = stack.enter_context(state.client())
        for verdicts in node.consents.register(_consents(files), bureau):
            write(verdicts)
            counts.update((verdict.state, verdict.reason) for verdict in verdicts)
            bar.update(counts.total())
    if not counts:
        raise Refusal(Code.INVALID_INPUT, "the files hold no consent")
    _tell(counts, as_json)
    if any(verdict == "refused" for verdict, _ in counts):
        click.get_current_context().exit(Exit.PARTLY)


def _tell(counts: Counter[tuple[str, ...]], as_json: bool) -> None:
    if as_json:
        print_json([{"state": key[0], "reason": key[1], "count": count} for key, count in counts.items()])
    else:
        print_counts(("state", "reason", "consents"), counts)


def _consents(files: Iterable[Path]) -> Iterator[str]:
    """Yield the consents of all files; white space around one and blank lines do not count."""
    for path in files:
        with reading(path) as source:
            for number, line in enumerate(iter(lambda: source.readline(MAXIMUM_JWS), b""), start=1):
                if len(line) == MAXIMUM_JWS:
                    raise Refusal(Code.INVALID_INPUT, f"{path}: line {number} is too long for a consent")
                if text := line.decode("ascii", "replace").strip():
                    yield text


@contextmanager
def _reporting(path: Path | None) -> Iterator[Callable[[Iterable[ConsentVerdict]], None]]:
    """Yield a function that writes verdicts to the report, if there is to be one."""
    if path is None:
        yield lambda _: None
        return
    with replacing(path) as target:
        text = io.TextIOWrapper(target, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(REPORT_HEADER)
        places = count(1)
        try:
            yield lambda verdicts: writer.writerows(
                (next(places), item.consent_id, item.uscc, item.state, item.reason) for item in verdicts
            )
        finally:
            text.detach()


@consent.command()
@click.argument("consent_id", metavar="CONSENT")
@click.option("--reason", default="", help="Why, for the record; at most 500 characters.")
@json_option
@pass_state
def revoke(state: State, consent_id: str, reason: str, as_json: bool) -> None:
    """Withdraw a consent from now on, running jobs included; what was released before stays released."""
    with state.client() as node:
        print_one(node.consents.revoke(consent_id, reason), as_json)


@consent.command()
@click.argument("consent_id", metavar="CONSENT")
@json_option
@pass_state
def show(state: State, consent_id: str, as_json: bool) -> None:
    """Show one consent. Uses are counted where they are allowed: at the bureau; a bank sees none."""
    with state.client() as node:
        found = node.consents.list(consent_id=consent_id, limit=1)
    if not found:
        raise Refusal(Code.NOT_FOUND, "no consent has this id")
    print_one(found[0], as_json)


@consent.command("list")
@click.option("--uscc", default="", help="Only those of this enterprise.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many, the newest first."
)
@json_option
@pass_state
def list_consents(state: State, uscc: str, limit: int, as_json: bool) -> None:
    """List registered consents."""
    with state.client() as node:
        print_list(node.consents.list(uscc=uscc, limit=limit), COLUMNS, as_json)
