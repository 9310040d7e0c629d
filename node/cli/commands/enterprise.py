"""``banktax enterprise``: certificates for trials, where no real authority issues them yet."""

from __future__ import annotations

import os
from pathlib import Path

import click

from node.cli.files import read_document, replacing
from node.cli.framework import BanktaxGroup
from node.codes import Code
from node.errors import Refusal

FIELDS = ("organizationIdentifier", "serialNumber", "uid", "commonName")
PASSPHRASE = "BANKTAX_ENTERPRISE_PASSPHRASE"  # noqa: S105 - the variable's name
new_folder = click.Path(path_type=Path, file_okay=False)


@click.group(cls=BanktaxGroup)
def enterprise() -> None:
    """Issue enterprises' certificates on a trial; in operation a recognised authority does."""


@enterprise.command()
@click.argument("name")
@click.option("--out", type=new_folder, required=True, help="Folder for authority.key and authority.crt.")
@click.option(
    "--uscc-field",
    type=click.Choice(FIELDS),
    default=FIELDS[0],
    show_default=True,
    help="Field of its certificates that names the enterprise.",
)
def authority(name: str, out: Path, uscc_field: str) -> None:
    """Make a small certificate authority called NAME, and print what a bureau's settings need to believe it.

    The key is encrypted under BANKTAX_ENTERPRISE_PASSPHRASE where that is set.
    """
    from node.clock import system_clock
    from node.policy.certificates import UsccField
    from node.policy.enterprise import EnterpriseAuthority
    from protocols.randomness import SystemRandomness

    made = EnterpriseAuthority.create(name, SystemRandomness(), system_clock(), uscc_field=UsccField(uscc_field))
    _write(out, "authority", made.export_secret_key(_passphrase()), made.certificate_pem())
    click.echo("[[consent.authorities]]")
    click.echo(f"name = {_toml(name)}")
    click.echo(f"certificate = {_toml(str((out / 'authority.crt').absolute()))}")
    click.echo(f"uscc_field = {_toml(uscc_field)}")


@enterprise.command()
@click.argument("uscc")
@click.option("--authority", "folder", type=new_folder, required=True, help="Folder that «enterprise authority» made.")
@click.option(
    "--uscc-field",
    type=click.Choice(FIELDS),
    default=FIELDS[0],
    show_default=True,
    help="As the authority was made with.",
)
@click.option("--out", type=new_folder, required=True, help="Folder for USCC.key and USCC.crt.")
def certificate(uscc: str, folder: Path, uscc_field: str, out: Path) -> None:
    """Issue key and certificate of one enterprise, named by its USCC, for «consent sign»."""
    from node.clock import system_clock
    from node.policy.certificates import UsccField
    from node.policy.enterprise import load_authority
    from protocols.randomness import SystemRandomness

    issuer = load_authority(
        read_document(folder / "authority.key"),
        read_document(folder / "authority.crt"),
        UsccField(uscc_field),
        _passphrase(),
    )
    try:
        made = issuer.issue(uscc, SystemRandomness(), system_clock())
    except ValueError:
        raise Refusal(Code.INVALID_INPUT, "this is not a unified social credit code") from None
    _write(out, made.uscc, made.export_secret_key(_passphrase()), made.chain_pem())


def _write(folder: Path, name: str, key: bytes, certificate: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / f"{name}.key").exists():
        raise Refusal(Code.INVALID_INPUT, f"{folder / name}.key exists; a key is never overwritten")
    for ending, content in ((".key", key), (".crt", certificate)):
        with replacing(folder / f"{name}{ending}") as target:
            target.write(content)


def _passphrase() -> bytes | None:
    text = os.environ.get(PASSPHRASE)
    return text.encode() if text else None


def _toml(text: str) -> str:
    """Return a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
