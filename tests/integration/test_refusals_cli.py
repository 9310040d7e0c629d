"""Wrong input at the command line, as a shell sees it: one line on stderr, the documented exit code, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.cli.exits import Exit
from node.cli.main import cli
from node.policy import documents
from tests.support.cli import banktax
from tests.support.hostile_bureau import USCC_LIKE
from tests.support.trial import MODEL, ReadyTrial

ROOT = Path(__file__).parents[2]
PASSPHRASE = "a passphrase of many words"
NOT_A_JOB = "0" * 32
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "BANKTAX_DIR": "", "BANKTAX_PASSPHRASE": "", "BANKTAX_KEY_FILE": ""}


@dataclass(frozen=True)
class Shell:
    """Where commands run; ``{bank}``, ``{bureau}`` and the other names stand for folders."""

    folder: Path
    places: dict[str, str]

    def arguments(self, line: str) -> list[str]:
        return [part.format(**self.places) for part in line.split()]

    def run(self, line: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        settings = {**os.environ, **ENVIRONMENT, **(environment or {})}
        return subprocess.run(
            [sys.executable, "-m", "node", *self.arguments(line)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            env={**{name: value for name, value in settings.items() if value}, "PYTHONPATH": str(ROOT)},
        )


@pytest.fixture(scope="module")
def shell(ready_trial: ReadyTrial, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("shell")
    places = {
        "bank": str(ready_trial.bank.directory),
        "bureau": str(ready_trial.bureau.directory),
        "missing": str(folder / "missing"),
        "stopped": str(folder / "stopped"),
        "sealed": str(folder / "sealed"),
        "held": ready_trial.data.codes[0],
    }
    made = Shell(folder, places)
    for name, passphrase in (("stopped", ""), ("sealed", PASSPHRASE)):
        line = f"init bank --id {name} --name B --dir {{{name}}} --control-listen 127.0.0.1:1"
        assert made.run(line, {"BANKTAX_PASSPHRASE": passphrase}).returncode == 0
    write_files(folder, ready_trial)
    return made


def write_files(folder: Path, ready: ReadyTrial) -> None:
    (folder / "broken.json").write_text('{"kind": "', "utf-8")
    (folder / "empty.csv").write_text("", "utf-8")
    (folder / "header.csv").write_text("uscc\n", "utf-8")
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 4)
    (folder / "list.csv").write_text(f"uscc\n{ready.data.codes[0]}\n", "utf-8")
    (folder / "tax.csv").write_text("uscc,unheard-of\nx,1\n", "utf-8")
    (folder / "no.parquet").write_bytes(b"PAR1 and nothing more")
    card = json.loads(ready.data.scorecard())
    (folder / "card.json").write_text(json.dumps(card | {"version": "2", "fields": []}), "utf-8")
    card["version"] = "3"
    over = [field | {"points": [2**31 - 1, -1, 0]} for field in card["fields"]]
    (folder / "over.json").write_text(json.dumps(card | {"fields": over}), "utf-8")
    off_grid = [field | {"edges": ["0.5", "17"]} for field in card["fields"]]
    (folder / "off-grid.json").write_text(json.dumps(card | {"fields": off_grid}), "utf-8")
    (folder / "gone.json").write_text(json.dumps(card | {"expires": "2020-01-01"}), "utf-8")
    with ready.bureau.client() as bureau:
        agreement = documents.decode(bureau.agreements.get("trial-agreement"), "agreement")
    one = documents.SignedDocument(agreement.kind, agreement.canonical_body, agreement.signatures[:1])
    (folder / "one-side.json").write_bytes(one.encode())
    changed = agreement.encode().replace(b'"loan_monitoring"', b'"class_consistency"')
    (folder / "tampered.json").write_bytes(changed)


# «$»: as a process of its own, at least one of every group; the others in this process, against the same real nodes.
CASES = """
$ init bureau --id b --name B --dir {bureau}                       | 2 INVALID_INPUT exists and is not empty
  init bank --id Upper --name B --dir {missing}                    | 5 CONFIG_INVALID node.id
  party card --dir {missing}                                       | 5 CONFIG_INVALID banktax init
  party card --dir {sealed}                                        | 5 KEY_UNAVAILABLE passphrase
$ party trust broken.json --yes --dir {bank}                       | 2 INVALID_INPUT
  party suspend nobody --dir {bank}                                | 2 NOT_FOUND no party
  catalogue check broken.json                                      | 2 INVALID_INPUT
$ catalogue import one-side.json --dir {bureau}                    | 2 INVALID_INPUT
  catalogue show unheard --dir {bank}                              | 2 NOT_FOUND unheard
$ agreement import one-side.json --dir {bureau}                    | 6 PEER_UNTRUSTED not signed by
  agreement import tampered.json --dir {bank}                      | 6 PEER_UNTRUSTED signature
  agreement show unheard --dir {bank}                              | 2 NOT_FOUND unheard
  data import tax.csv --catalogue unheard --as-of 2026-03-31 --name q --dir {bureau}   | 2 NOT_FOUND unheard
  data import tax.csv --catalogue synthetic --as-of 2026-03-31 --name q --dir {bureau} | 2 INVALID_INPUT no column
  data import empty.csv --catalogue synthetic --as-of 2026-03-31 --name q --dir {bureau} | 2 INVALID_INPUT empty
$ data import no.parquet --catalogue synthetic --as-of 2026-03-31 --name q --dir {bureau} | 2 INVALID_INPUT Parquet
  data import tax.csv --catalogue synthetic --as-of 2026-03-31 --name q --dir {bank}   | 2 WRONG_ROLE
  data drop unheard --dir {bureau}                                 | 2 NOT_FOUND
$ consent register nothing.jws --dir {bank}                        | 2 INVALID_INPUT nothing.jws
  consent revoke 00 --dir {bank}                                   | 2 INVALID_INPUT
  consent show 00000000000000000000000000000000 --dir {bank}       | 2 NOT_FOUND
  model build broken.json --bureau trial-bureau --dir {bank}       | 2 INVALID_INPUT
  model build card.json --bureau trial-bureau --dir {bank}         | 2 INVALID_INPUT fields
$ model build over.json --bureau trial-bureau --dir {bank}         | 6 BOUND_EXCEEDED score bound
  model build off-grid.json --bureau trial-bureau --dir {bank}     | 2 INVALID_INPUT grid
  model build gone.json --bureau trial-bureau --dir {bank}         | 6 MODEL_EXPIRED expires
  model build card.json --bureau trial-bureau --dir {bureau}       | 2 WRONG_ROLE
  model register unheard --dir {bank}                              | 6 MODEL_UNKNOWN
  model show unheard --dir {bank}                                  | 2 NOT_FOUND unheard
  score submit --model unheard --list list.csv --out o.csv --dir {bank}  | 6 MODEL_UNKNOWN
  score submit --model MODEL --list nothing.csv --out o.csv --dir {bank} | 2 INVALID_INPUT nothing.csv
  score submit --model MODEL --list empty.csv --out o.csv --dir {bank}   | 2 INVALID_INPUT empty
  score submit --model MODEL --list header.csv --out o.csv --dir {bank}  | 2 INVALID_INPUT empty
$ score submit --model MODEL --list binary.csv --out o.csv --dir {bank}  | 2 INVALID_INPUT
  score submit --model MODEL --list list.csv --out {missing}/o.csv --dir {bank} | 2 INVALID_INPUT
  score submit --model MODEL --list list.csv --out o.csv --engine paillier --dir {bank} | 6 MODEL_UNKNOWN
  score one {held} --model unheard --dir {bank}                    | 6 MODEL_UNKNOWN
  score one {held} --model MODEL --dir {bureau}                    | 2 WRONG_ROLE
  job show NOT_A_JOB --dir {bank}                                  | 2 NOT_FOUND
  job resume NOT_A_JOB --dir {bank}                                | 2 NOT_FOUND
  job cancel xyz --dir {bank}                                      | 2 INVALID_INPUT
$ job results NOT_A_JOB --out o.csv --dir {bank}                   | 2 NOT_FOUND
$ admission import broken.json --dir {bureau}                      | 2 INVALID_INPUT
  admission import tampered.json --dir {bank}                      | 2 INVALID_INPUT
  admission show unheard --dir {bank}                              | 2 NOT_FOUND
$ ledger show not-a-code --dir {bureau}                            | 2 INVALID_INPUT
$ list show nowhere --dir {bureau}                                 | 2 NOT_FOUND
$ list list --dir {bank}                                           | 2 WRONG_ROLE
$ screen --list broken.json --against nobody/x --out o.csv --dir {bank} | 2 INVALID_INPUT
$ screen --list binary.csv --against x --out o.csv --dir {bank}    | 2 INVALID_INPUT BUREAU/LIST
$ compare-classes --list broken.json --against nobody/x --out o.csv --table t.csv --dir {bank} | 2 INVALID_INPUT
$ screening show NOT_A_JOB --dir {bank}                            | 2 NOT_FOUND
$ audit opened-set broken.json                                     | 2 INVALID_INPUT
  ledger alerts --dir {bank}                                       | 2 WRONG_ROLE
  data frequencies --for nobody -o f.json --dir {bureau}           | 6 PEER_UNTRUSTED nobody
  model dossier unheard --auditor trial-auditor -o d --dir {bank}  | 6 MODEL_UNKNOWN
$ auditor review broken.json --frequencies broken.json --dir {bank} | 2 WRONG_ROLE
$ operator add operator --dir {bank}                               | 2 INVALID_INPUT exists
$ enterprise certificate X --authority {missing} --out o           | 2 INVALID_INPUT
$ status --dir {stopped}                                           | 5 NODE_NOT_RUNNING
$ tls renew --dir {missing}                                        | 5 CONFIG_INVALID banktax init
  status --operator nobody --dir {bank}                            | 5 KEY_UNAVAILABLE nobody
$ serve --dir {missing}                                            | 5 CONFIG_INVALID
$ serve --dir {sealed}                                             | 5 KEY_UNAVAILABLE passphrase
"""


def cases() -> list[tuple[bool, str, int, str, str]]:
    """(as a process of its own, command, exit code, error's code, word of its text)"""
    found = []
    for line in CASES.replace("NOT_A_JOB", NOT_A_JOB).replace(" MODEL ", f" {MODEL} ").strip("\n").splitlines():
        command, _, expected = line.partition("|")
        code, name, *word = expected.split(maxsplit=2)
        found.append((command.startswith("$"), command.strip("$ "), int(code), name, word[0] if word else ""))
    return found


@pytest.mark.parametrize(("process", "line", "code", "name", "word"), cases(), ids=[case[1] for case in cases()])
def test_wrong_input(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, process: bool, line: str, code: int, name: str, word: str
) -> None:
    if process:
        done = shell.run(line)
        status, stdout, stderr = done.returncode, done.stdout, done.stderr
    else:
        monkeypatch.chdir(shell.folder)
        result = banktax(*shell.arguments(line))
        status, stdout, stderr = result.exit_code, result.stdout, result.stderr
    assert status == Exit(code), stderr
    assert stderr.count("\n") == 1, stderr
    assert stderr.startswith(f"error {name}: "), stderr
    assert word in stderr
    assert "Traceback" not in stderr + stdout
    assert not USCC_LIKE.search(stderr)
    assert stdout == ""


def test_every_group_of_commands_is_called_wrongly_as_a_process() -> None:
    assert {line.split()[0] for process, line, *_ in cases() if process} == set(cli.commands) - {"demo", "version"}


def test_a_wrong_passphrase(shell: Shell) -> None:
    done = shell.run("serve --dir {sealed}", {"BANKTAX_PASSPHRASE": PASSPHRASE + "!"})
    assert done.returncode == Exit.OPERATOR
    assert done.stderr.startswith("error KEY_UNAVAILABLE: "), done.stderr
    assert done.stderr.count("\n") == 1
    assert PASSPHRASE not in done.stderr
    right = banktax(*shell.arguments("party card --dir {sealed}"), environment={"BANKTAX_PASSPHRASE": PASSPHRASE})
    assert right.exit_code == Exit.DONE


def test_after_all_this_the_nodes_work(shell: Shell, ready_trial: ReadyTrial) -> None:
    done = shell.run(f"score one {{held}} --model {MODEL} --dir {{bank}}")
    assert done.returncode == Exit.DONE, done.stderr
    assert str(ready_trial.expected[ready_trial.data.codes[0]]) in done.stdout
