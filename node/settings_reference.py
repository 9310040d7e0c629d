"""Draws from the settings' own descriptions: the commented file that init writes, and ``docs/settings.md``.

``python -m node.settings_reference`` prints the page; a test compares it with the one in ``docs``.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from node.config import ENVIRONMENT_PREFIX, Settings

Values = Mapping[str, Mapping[str, Any]]

HEADER = """\
# Settings of a banktax node. Every setting stands here with its meaning; those behind a # have their default.
# A variable BANKTAX_SECTION__SETTING wins over this file, a flag of the command over both. What is unknown is refused.
"""

PAGE_HEADER = """\
# Settings

A node reads `banktax.toml` in its directory. A variable `BANKTAX_SECTION__SETTING` wins over the file, a flag of the
command over both. A setting that is not listed here is refused with `CONFIG_INVALID`, which names it. This page is
drawn from the program (`python -m node.settings_reference`), and a test keeps it current.

Secrets are not settings. The node key is found in this order:

| variable | meaning |
|---|---|
| `BANKTAX_KEY_FILE` | a file of 32 random bytes, mode 0600; otherwise `keys/node.key` in the node's directory |
| `BANKTAX_PASSPHRASE` | opens `keys/node.key.wrapped`, where the node was made with a passphrase |
"""

EXAMPLES = {
    "consent": """\
# [[consent.authorities]]
# name = "Example enterprise authority"
# certificate = "authorities/example.crt"
# uscc_field = "serialNumber"
"""
}


def template(values: Values) -> str:
    """Return the commented TOML file of a new node; ``values`` stand set, everything else is shown as its default."""
    return "\n".join([HEADER, *(_section_toml(name, values.get(name, {})) for name in Settings.model_fields)])


def page() -> str:
    """Return ``docs/settings.md``."""
    return "\n".join([PAGE_HEADER, *(_section_markdown(name) for name in Settings.model_fields)])


def _section_toml(name: str, values: Mapping[str, Any]) -> str:
    section = _section(name)
    lines = [f"# {inspect.getdoc(section)}", f"[{name}]"]
    for key, field in section.model_fields.items():
        lines += [f"# {line}" for line in wrap(field.description or "", 108)]
        if _is_table(field):
            continue
        lines.append(f"{key} = {_toml(values[key])}" if key in values else f"# {key} = {_toml(field.default)}")
    return "\n".join(lines) + "\n" + EXAMPLES.get(name, "")


def _section_markdown(name: str) -> str:
    section = _section(name)
    lines = [f"## {name}", "", inspect.getdoc(section) or "", "", "| setting | default | variable | meaning |"]
    lines.append("|---|---|---|---|")
    for key, field in section.model_fields.items():
        default = "required" if field.is_required() else f"`{_toml(field.default)}`"
        variable = f"`{ENVIRONMENT_PREFIX}{name.upper()}__{key.upper()}`"
        lines.append(f"| `{key}` | {default} | {variable} | {_meaning(field)} |")
    return "\n".join(lines) + "\n"


def _meaning(field: FieldInfo) -> str:
    text = field.description or ""
    if not _is_table(field):
        return text
    (table,) = (kind for kind in get_args(field.annotation) if kind is not Ellipsis)
    parts = "; ".join(f"`{key}`: {inner.description}" for key, inner in table.model_fields.items())
    return f"{text} {parts}"


def _section(name: str) -> type[BaseModel]:
    section = Settings.model_fields[name].annotation
    assert isinstance(section, type)
    assert issubclass(section, BaseModel)
    return section


def _is_table(field: FieldInfo) -> bool:
    return any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in get_args(field.annotation))


def _toml(value: Any) -> str:
    """Return a value as TOML; a JSON string, number, boolean or empty list is one already."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


if __name__ == "__main__":
    print(page(), end="")
