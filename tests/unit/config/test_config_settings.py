"""Settings: what wins over what, and what is refused by name and without its value."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from node.codes import Code, Role
from node.config import Settings, load, split_address
from node.errors import Refusal
from node.settings_reference import page, template
from tests.support.sources import ROOT

SECRET = "hunter2-hunter2"


def write(directory: Path, text: str = "", role: str = "bureau") -> Path:
    node = f'[node]\nid = "party"\nrole = "{role}"\nname_zh = "名"\nname_en = "Name"\n'
    server = '[server]\nlisten = "127.0.0.1:0"\n' if role == "bureau" and "[server]" not in text else ""
    (directory / "banktax.toml").write_text(node + server + text, encoding="utf-8")
    return directory


def refused(directory: Path, **flags: object) -> str:
    with pytest.raises(Refusal) as caught:
        load(directory, **flags)
    assert caught.value.code is Code.CONFIG_INVALID
    assert SECRET not in str(caught.value)
    return caught.value.detail


def test_defaults_fit_a_small_machine(tmp_path: Path) -> None:
    settings = load(write(tmp_path))
    assert (settings.compute.workers, settings.compute.memory_limit_mb) == (2, 1024)
    limits = settings.limits
    assert (limits.unary_seconds, limits.chunk_seconds, limits.stream_seconds) == (60, 120, 600)
    assert (limits.message_bytes, limits.clock_tolerance_seconds) == (8 << 20, 60)
    assert settings.security.allow_uncertified is False
    assert settings.data_directory == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/node.db"
    assert settings.node.role is Role.BUREAU


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "[compute]\nworkers = 3\nmemory_limit_mb = 512\nchunk_timeout_seconds = 9\n")
    assert load(tmp_path).compute.workers == 3
    monkeypatch.setenv("BANKTAX_COMPUTE__WORKERS", "4")
    monkeypatch.setenv("BANKTAX_COMPUTE__MEMORY_LIMIT_MB", "600")
    compute = load(tmp_path, compute={"workers": 5}).compute
    assert (compute.workers, compute.memory_limit_mb, compute.chunk_timeout_seconds) == (5, 600, 9)


def test_an_authority_comes_from_file_or_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, '[[consent.authorities]]\nname = "A"\ncertificate = "a.crt"\nuscc_field = "serialNumber"\n')
    (authority,) = load(tmp_path).consent.authorities
    assert load(tmp_path).resolve(authority.certificate) == tmp_path / "a.crt"
    monkeypatch.setenv(
        "BANKTAX_CONSENT__AUTHORITIES", '[{"name": "B", "certificate": "/b.crt", "uscc_field": "serialNumber"}]'
    )
    assert [authority.name for authority in load(tmp_path).consent.authorities] == ["B"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f'[compute]\nwrokers = "{SECRET}"\n', "compute.wrokers"),
        (f'[computer]\nworkers = "{SECRET}"\n', "computer"),
        (f'[compute]\nworkers = "{SECRET}"\n', "compute.workers"),
        ("[compute]\nworkers = 0\n", "compute.workers"),
        (f'[server]\nlisten = "{SECRET}"\n', "server.listen"),
        (f'[server]\nlisten = "{SECRET}:70000"\n', "server.listen"),
        ("[limits]\nmessage_bytes = -1\n", "limits.message_bytes"),
        (f'[log]\nlevel = "{SECRET}"\n', "log.level"),
        (f'[[consent.authorities]]\nname = "{SECRET}"\n', "consent.authorities.0.certificate"),
        (
            f'[[consent.authorities]]\nname = "A"\ncertificate = "a"\nuscc_field = "{SECRET}"\n',
            "consent.authorities.0.uscc_field",
        ),
        ('[server]\nlisten = ""\n', "server.listen"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(tmp_path: Path, text: str, named: str) -> None:
    assert named in refused(write(tmp_path, text))


def test_a_wrong_flag_is_refused_by_its_name(tmp_path: Path) -> None:
    assert "control.listen" in refused(write(tmp_path), control={"listen": SECRET})


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("BANKTAX_COMPUTER__WORKERS", "2", "BANKTAX_COMPUTER__WORKERS"),
        ("BANKTAX_COMPUTE__WROKERS", SECRET, "compute.wrokers"),
        ("BANKTAX_COMPUTE__WORKERS", SECRET, "compute.workers"),
        ("BANKTAX_CONSENT__AUTHORITIES", SECRET, "BANKTAX_CONSENT"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, named: str
) -> None:
    monkeypatch.setenv(name, value)
    assert named in refused(write(tmp_path))


def test_variables_that_are_no_settings_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BANKTAX_DIR", "BANKTAX_PASSPHRASE", "BANKTAX_KEY_FILE", "BANKTAX_TEST_POSTGRESQL"):
        monkeypatch.setenv(name, SECRET)
    load(write(tmp_path))


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    assert "banktax init" in refused(tmp_path)
    (tmp_path / "banktax.toml").write_text(f'[storage]\nurl = "{SECRET}\n', encoding="utf-8")
    assert "line 2" in refused(tmp_path)
    (tmp_path / "banktax.toml").write_bytes(b"\xff\xfe")
    assert "UTF-8" in refused(tmp_path)


def test_a_bank_needs_no_server_and_a_database_url_shows_no_password(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://banktax:{SECRET}@db/banktax"
    settings = load(write(tmp_path, f'[storage]\nurl = "{url}"\n', role="bank"))
    assert settings.endpoint == ""
    assert settings.database_url == url
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("text", ["", "host", ":1", "host:", "host:x", "host:65536", "host:-1", "host:²"])
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        split_address(text)


def test_addresses() -> None:
    assert split_address("127.0.0.1:0") == ("127.0.0.1", 0)
    assert split_address("[::1]:7601") == ("::1", 7601)


def test_the_template_is_the_defaults_with_every_setting_and_its_meaning(tmp_path: Path) -> None:
    values = {
        "node": {"id": "party", "role": "bank", "name_zh": '引"号\\名', "name_en": "Name"},
        "control": {"listen": "127.0.0.1:7612"},
    }
    text = template(values)
    (tmp_path / "banktax.toml").write_text(text, encoding="utf-8")
    settings = load(tmp_path)
    assert settings.node.name_zh == '引"号\\名'
    assert settings.control.listen == "127.0.0.1:7612"
    everything = text.replace("\n# threads =", "\nthreads =").replace("\n# workers =", "\nworkers =")
    assert tomllib.loads(everything)["compute"]["workers"] == 2
    for section, field in Settings.model_fields.items():
        assert f"[{section}]" in text
        for key in field.annotation.model_fields:  # type: ignore[union-attr]
            assert f"{key} = " in text or key == "authorities"


def test_every_setting_says_what_it_means() -> None:
    for field in Settings.model_fields.values():
        for inner in field.annotation.model_fields.values():  # type: ignore[union-attr]
            assert inner.description


def test_the_settings_page_is_current() -> None:
    """Draw it again with: python -m node.settings_reference > docs/settings.md."""
    assert (ROOT / "docs/settings.md").read_text("utf-8") == page()
