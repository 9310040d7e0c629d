"""The settings of a node: ``DIR/banktax.toml``, overridden by ``BANKTAX_*``, overridden by flags.

Every setting has its meaning beside it (:mod:`node.settings_sections`); the commented file that ``banktax init``
writes and ``docs/settings.md`` are drawn from there (:mod:`node.settings_reference`). Secrets are no settings:
passphrase and key file come from ``BANKTAX_PASSPHRASE`` and ``BANKTAX_KEY_FILE`` (:mod:`node.keys`).
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from node.codes import Code, Role
from node.errors import Refusal
from node.policy.shapes import in_words
from node.settings_sections import (
    ComputeSection,
    ConsentSection,
    ControlSection,
    LimitsSection,
    LogSection,
    NodeSection,
    SecuritySection,
    ServerSection,
    StorageSection,
    split_address,
)

__all__ = [
    "DEFAULT_CONTROL_PORT",
    "DEFAULT_PEER_PORT",
    "ENVIRONMENT_PREFIX",
    "SETTINGS_FILE",
    "LimitsSection",
    "Settings",
    "load",
    "split_address",
]

SETTINGS_FILE = "banktax.toml"
ENVIRONMENT_PREFIX = "BANKTAX_"
_FIELD = re.compile(r'field "(\w+)"')
DEFAULT_PEER_PORT = {Role.BUREAU: 7601, Role.BANK: 7611}
DEFAULT_CONTROL_PORT = {Role.BUREAU: 7602, Role.BANK: 7612}


class Settings(BaseSettings):
    """Everything that can be set, checked and immutable. Made by :func:`load`."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    node: NodeSection
    server: ServerSection = ServerSection()
    control: ControlSection = ControlSection()
    storage: StorageSection = StorageSection()
    compute: ComputeSection = ComputeSection()
    limits: LimitsSection = LimitsSection()
    security: SecuritySection = SecuritySection()
    consent: ConsentSection = ConsentSection()
    log: LogSection = LogSection()

    _directory: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _bureau_listens(self) -> Settings:
        if self.node.role is Role.BUREAU and not self.server.listen:
            raise ValueError("server.listen: a bureau must listen for its banks")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no such file is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - neither
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, the environment over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def directory(self) -> Path:
        """The node's directory, absolute."""
        return self._directory

    @property
    def data_directory(self) -> Path:
        """The data folder, absolute."""
        return self.directory / self.storage.data_directory

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL; SECRET, for it may carry a password."""
        return self.storage.url.get_secret_value() or f"sqlite:///{self.data_directory / 'node.db'}"

    @property
    def endpoint(self) -> str:
        """What the card tells peers to dial; empty where the node has no peer server."""
        return self.server.endpoint or self.server.listen

    def resolve(self, path: Path) -> Path:
        """Return a path of the settings as an absolute one."""
        return self.directory / path


def load(directory: Path | str, **flags: Any) -> Settings:
    """Read the settings of the node in ``directory``.

    Args:
        directory: where ``banktax init`` put the node.
        flags: sections with single values that win over file and environment, as in
            ``load(directory, compute={"workers": 4})``.

    Raises:
        Refusal: ``CONFIG_INVALID`` naming the setting; never its value.
    """
    root = Path(directory).absolute()
    path = root / SETTINGS_FILE
    _require_readable(path)
    _refuse_unknown_variables()

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        settings = Located(**flags)
    except ValidationError as error:
        raise Refusal(Code.CONFIG_INVALID, _describe(error)) from None
    except SettingsError as error:
        named = _FIELD.search(str(error))
        variable = f"{ENVIRONMENT_PREFIX}{named[1].upper()}" if named else ENVIRONMENT_PREFIX
        raise Refusal(Code.CONFIG_INVALID, f"a variable {variable}* is a list or table and holds no JSON") from None
    settings._directory = root  # fields are frozen; where they came from is set once, here
    return settings


def _require_readable(path: Path) -> None:
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refusal(
            Code.CONFIG_INVALID,
            f"{path} does not exist: make the node with banktax init, or give its directory with --dir",
        ) from None
    except (OSError, UnicodeDecodeError):
        raise Refusal(Code.CONFIG_INVALID, f"{path} cannot be read as UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise Refusal(Code.CONFIG_INVALID, f"{path} is not TOML: {_place(error)}") from None


def _place(error: tomllib.TOMLDecodeError) -> str:
    """Return where the file breaks; the parser's message quotes nothing of the file but single characters."""
    text = str(error)
    return text[text.rfind("(at ") :].strip("()") if "(at " in text else "it does not parse"


def _refuse_unknown_variables() -> None:
    """A misspelt section would otherwise be ignored in silence."""
    for name in os.environ:
        if not name.startswith(ENVIRONMENT_PREFIX) or "__" not in name:
            continue
        section = name.removeprefix(ENVIRONMENT_PREFIX).split("__")[0].lower()
        if section not in Settings.model_fields:
            raise Refusal(Code.CONFIG_INVALID, f"the variable {name} names no section of the settings")


def _describe(error: ValidationError) -> str:
    """Name the first setting that is wrong; pydantic's message is used, its input is not."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{place}: no such setting"
    message = in_words(first["msg"])
    return f"{place}: {message}" if place else message
