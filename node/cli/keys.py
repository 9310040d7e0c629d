"""Names with a version, as they stand on the command line."""

from __future__ import annotations

from typing import NamedTuple

import click


class CatalogueKey(NamedTuple):
    """A catalogue and its version; 0 means the newest."""

    catalogue_id: str
    version: int


def catalogue_key(_context: click.Context, _parameter: click.Parameter, text: str) -> CatalogueKey:
    """Read ``ID`` or ``ID@VERSION``; a callback for an option or an argument."""
    name, mark, version = text.partition("@")
    if not name or (mark and not (version.isascii() and version.isdigit() and 0 < int(version) < 2**31)):
        raise click.BadParameter(f"{text!r} is not of the form ID or ID@VERSION")
    return CatalogueKey(name, int(version or 0))
