"""Whole reviews: what passes, what fails and by how much in words, and what cannot be reviewed at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from node.certification import review as review_module
from node.certification.engine_library import CERTIFIED, inspect
from node.certification.leakage import _named
from node.certification.office_log import Deed
from node.certification.report_html import report_html
from node.certification.report_json import report_json
from node.certification.result import Check, Outcome, ReviewResult, Subject
from node.codes import Code, Engine, Side
from node.errors import Refusal
from node.policy.frequencies import FREQUENCIES_KIND
from node.scorecards.format import parse_scorecard
from node.scorecards.public import DescribedGroups
from protocols.leakage.cells import Cell, FieldCells
from protocols.leakage.population import Sensitivity, field_points
from protocols.scoring.model import GroupedField, PublicModel, SecretModel
from tests.support.certification import AUDITOR, BANK, SECOND, CertificationWorld, Dossier, spread_frequencies


def refused(action: Callable[[], object], code: Code, part: str, side: Side | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        action()
    assert caught.value.code is code
    assert part in caught.value.detail
    if side is not None:
        assert caught.value.side is side
    return caught.value


def card_with(world: CertificationWorld, change: Callable[[dict[str, Any]], None], version: str = "1") -> bytes:
    card = json.loads(world.scorecard(version))
    change(card)
    return parse_scorecard(json.dumps(card)).to_json().encode()


# ---- what passes


def test_an_honest_model_passes_every_check(passed: ReviewResult) -> None:
    assert passed.passed
    assert {check.subject for check in passed.checks} == set(Subject) - {Subject.COMBINATION}
    assert passed.checks[0].subject is Subject.LIBRARY
    views = {view.view: view for view in passed.views}
    assert views.keys() == {"independent", "correlated"}
    assert (views["independent"].method, views["correlated"].method) == ("exact", "monte_carlo")
    assert [len(field.bins) for field in views["independent"].fields] == [4] * 12
    assert passed.facts.label == "synthetic-card@1"


def test_a_review_is_kept_sealed_and_found_by_its_names(world: CertificationWorld, passed: ReviewResult) -> None:
    with world.office() as office:
        assert {office.review(name).dossier for name in (passed.dossier[:8], passed.dossier)} == {passed.dossier}
        assert office.review(passed.facts.model_id[:10]).facts == passed.facts
        refused(lambda: office.review("ffffffff"), Code.NOT_FOUND, "no review")
        refused(lambda: office.review(passed.dossier[:7]), Code.NOT_FOUND, "no review")
        assert (Deed.REVIEWED, passed.dossier) in {(entry.deed, entry.dossier) for entry in office.log.read()}
    (kept,) = [path for path in world.parties[AUDITOR].directory.glob("reviews/*") if path.stem == passed.dossier]
    assert b"field-000" not in kept.read_bytes()


def test_reports_hold_no_points_and_need_nothing_else(world: CertificationWorld, passed: ReviewResult) -> None:
    told = json.loads(report_json(passed))
    assert told["passed"] is True
    assert not {"points", "weights", "master", "scorecard"} & set(re.findall(r'"(\w+)":', json.dumps(told)))
    page = report_html(passed).decode()
    assert "The model passed" in page
    assert page.count("<svg") >= 3
    Page().feed(page)


class Page(HTMLParser):
    """Refuses what is fetched from elsewhere and what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "link", "img", "iframe", "object"}
        assert not {"src", "href", "style"} & {name for name, _ in attrs}
        if tag not in {"meta", "br"}:
            self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"rect", "line"}

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


def test_a_report_escapes_what_the_bank_named(passed: ReviewResult) -> None:
    spiteful = passed.model_copy(
        update={"facts": passed.facts.model_copy(update={"name": "<script>alert(1)</script>"})}
    )
    Page().feed(report_html(spiteful).decode())


# ---- what fails


def failures(result: ReviewResult) -> list[str]:
    return [f"{check.subject}: {check.text}" for check in result.failures]


def test_a_library_that_is_not_the_profiles_is_said_before_anything_else(
    world: CertificationWorld, honest: Dossier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even before a dossier that cannot be opened."""
    told: list[Check] = []
    inspect.cache_clear()
    monkeypatch.setattr("node.certification.engine_library._WEIGHT", 614)
    broken = world.written(honest, "broken.dossier")
    broken.write_bytes(broken.read_bytes()[:-10])
    refused(lambda: world.review(broken, tell=told.append), Code.INVALID_INPUT, "truncated")
    assert [(check.subject, check.outcome) for check in told][:2] == [(Subject.LIBRARY, Outcome.FAILED)] * 2
    assert "known answer" in told[0].text
    inspect.cache_clear()


def test_a_bank_with_another_build_of_the_library_fails(world: CertificationWorld, honest: Dossier) -> None:
    other = world.written(honest.with_header(engine_library_sha256="00" * 32), "library.dossier")
    (fault,) = world.review(other).failures
    assert fault.subject is Subject.LIBRARY
    assert fault.threshold == inspect(Engine.BFV).sha256


def test_a_bank_with_the_wheel_of_another_python_passes(world: CertificationWorld, honest: Dossier) -> None:
    """All certified builds compute the same, bit for bit; the report says that there are two."""
    (other, *_) = sorted(CERTIFIED[Engine.BFV] - {inspect(Engine.BFV).sha256})
    result = world.review(world.written(honest.with_header(engine_library_sha256=other), "wheel.dossier"))
    assert not result.failures
    (check,) = [check for check in result.checks if check.value == other]
    assert (check.subject, check.threshold) == (Subject.LIBRARY, inspect(Engine.BFV).sha256)


def test_a_model_that_gives_too_much_away_fails_with_field_figure_threshold_and_advice(
    world: CertificationWorld,
) -> None:
    """One field alone: the score tells its bin."""

    def one_field(card: dict[str, Any]) -> None:
        card["fields"] = card["fields"][:1]

    result = world.review(world.written(world.dossier(card_with(world, one_field)), "one.dossier"))
    found = [check for check in result.failures if "field field-000: the share of members given away" in check.text]
    assert float(found[0].value) == 1.0 > float(found[0].threshold) == 0.40
    assert "fewer bins" in found[0].advice
    edges = json.loads(world.scorecard())["fields"][0]["edges"]
    names = [f"below {edges[0]}", f"[{edges[0]}, {edges[1]})", f"{edges[1]} and above", "missing"]
    assert [each.label for each in result.views[0].fields[0].bins] == names
    with world.office() as office:
        assert office.log.read()[-1].deed == Deed.REFUSED
    assert "The model failed" in report_html(result).decode()


def test_known_fields_are_measured_apart(world: CertificationWorld, honest: Dossier) -> None:
    known = tuple(f"field-{place:03d}" for place in range(10))
    result = world.review(world.written(honest, "known.dossier"), known=known)
    given = next(view for view in result.views if view.view == "given_bank_fields")
    exact = next(view for view in result.views if view.view == "independent")
    assert [field.field for field in given.fields] == ["field-010", "field-011"]
    assert all(mine.gain > alone.gain for mine, alone in zip(given.fields, exact.fields[10:], strict=True))
    assert given.known == known
    path = world.folder / "known.dossier"
    refused(lambda: world.review(path, known=("nobody",)), Code.INVALID_INPUT, "nobody is no field")


def test_what_the_bank_would_register_otherwise_fails_by_member(world: CertificationWorld, honest: Dossier) -> None:
    told = json.loads(honest.content.header.description)
    told["purposes"] = ["loan_monitoring"]
    told["expires_at"] += 86_400
    changed = honest.with_header(
        description=json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    )
    found = failures(world.review(world.written(changed, "registered.dossier")))
    assert "description: what the bank would register differs from its scorecard in «expires_at»" in found
    assert "description: what the bank would register differs from its scorecard in «purposes»" in found
    assert "description: the header names another model id than its description has" in found


def test_what_the_agreement_does_not_allow_fails(world: CertificationWorld) -> None:
    def other_purpose(card: dict[str, Any]) -> None:
        card |= {"purposes": ["portfolio_screening"], "model_class": "anti_fraud"}

    found = failures(world.review(world.written(world.dossier(card_with(world, other_purpose)), "purpose.dossier")))
    assert found == [
        "agreement: agreement zj-2026-01: it does not allow models of the class anti_fraud",
        "agreement: agreement zj-2026-01: it does not allow the purpose portfolio_screening",
    ]


def test_groups_are_called_by_their_codes() -> None:
    """With «other» only where a code is left over for it."""
    for groups in (("A",), ("B", "C")), (("A",), ("B", "C"), ("D",)):
        places = tuple(tuple("ABCD".index(code) for code in group) for group in groups)
        model = SecretModel(PublicModel((GroupedField("level", 4, places),)), tuple(range(len(groups) + 2)))
        cells = {"level": FieldCells("level", tuple(Cell(30, codes=(code,)) for code in range(4)))}
        fields = field_points(model, cells, {"level": Sensitivity.ORDINARY})
        (named,) = _named(fields, (DescribedGroups("level", groups),))
        assert named.labels == ("A", "B, C", "other" if len(groups) == 2 else "D", "missing")
        assert named.points == fields[0].points


# ---- together


def test_two_models_together_are_measured_jointly(world: CertificationWorld, honest: Dossier) -> None:
    """A version that differs in one bin: each passes alone; the difference of two scores names that bin's members."""

    def one_bin(card: dict[str, Any]) -> None:
        card["fields"][0]["points"][1] += 1

    second = world.written(world.dossier(card_with(world, one_bin, "2")), "second.dossier")
    result = world.review(world.written(honest, "first.dossier"), together=(second,))
    assert all(check.subject is Subject.COMBINATION for check in result.failures)
    assert any("field field-000" in check.text for check in result.failures)
    (combination,) = result.combinations
    assert (combination.models, combination.rank) == (("synthetic-card@1", "synthetic-card@2"), 2)
    assert combination.model_ids[0] == result.facts.model_id


def test_a_model_to_be_used_with_must_be_what_its_id_says(world: CertificationWorld, honest: Dossier) -> None:
    def one_bin(card: dict[str, Any]) -> None:
        card["fields"][0]["points"][1] += 1

    lying = world.written(honest.with_scorecard(card_with(world, one_bin)), "lying.dossier")
    path = world.written(honest, "first.dossier")
    refused(lambda: world.review(path, together=(lying,)), Code.INVALID_INPUT, "does not hold", Side.BANK)


def test_a_successor_without_a_joint_figure_is_warned_of(world: CertificationWorld) -> None:
    def successor(card: dict[str, Any]) -> None:
        card["supersedes"] = "1"

    dossier = world.dossier(card_with(world, successor, "2"), predecessor="ab" * 32)
    result = world.review(world.written(dossier, "successor.dossier"))
    assert [check.outcome for check in result.checks if check.subject is Subject.COMBINATION] == [Outcome.WARNING]
    assert result.facts.predecessor == "ab" * 32


# ---- what cannot be reviewed at all: a typed error that says whose fault it is


def test_a_dossier_for_another_auditor_is_refused(world: CertificationWorld, honest: Dossier) -> None:
    path = world.written(honest, "other.dossier", auditor=SECOND)
    refused(lambda: world.review(path), Code.INVALID_INPUT, "for auditor-b, not for auditor-a")
    passed_on = world.written(honest, "passed-on.dossier", auditor=SECOND)
    refused(lambda: world.review(passed_on, auditor=SECOND), Code.INVALID_INPUT, "made this dossier for auditor-a")


def test_a_truncated_dossier_is_refused(world: CertificationWorld, honest: Dossier) -> None:
    path = world.written(honest, "cut.dossier")
    whole = path.read_bytes()
    for length in (100, len(whole) // 4, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(lambda: world.review(path), Code.INVALID_INPUT, "truncated")


def test_a_dossier_of_a_bank_that_is_not_trusted_is_refused(world: CertificationWorld, honest: Dossier) -> None:
    path = world.written(honest, "stranger.dossier")
    with world.office() as office:
        office.documents.suspend(BANK, resume=False)
    try:
        refused(lambda: world.review(path), Code.PEER_UNTRUSTED, BANK)
    finally:
        with world.office() as office:
            office.documents.suspend(BANK, resume=True)


def test_an_edge_off_the_grid_is_refused_with_its_field(world: CertificationWorld, honest: Dossier) -> None:
    def off_grid(card: dict[str, Any]) -> None:
        card["fields"][2]["edges"][0] = "10.5"

    path = world.written(honest.with_scorecard(card_with(world, off_grid)), "off-grid.dossier")
    refused(
        lambda: world.review(path),
        Code.INVALID_INPUT,
        "'field-002': edges[0] is not on the catalogue's grid",
        Side.BANK,
    )


def test_frequencies_that_do_not_sum_are_refused(world: CertificationWorld, honest: Dossier) -> None:
    path, body = world.written(honest, "sum.dossier"), spread_frequencies(world.catalogue).to_body()
    body["fields"][3]["cells"][4]["count"] += 1
    data = world.signed(FREQUENCIES_KIND, body)
    refused(lambda: world.review(path, data), Code.INVALID_INPUT, "field-003 sum to 1001 of 1000")


def test_frequencies_off_the_grid_unsigned_or_of_no_field_are_refused(
    world: CertificationWorld, honest: Dossier
) -> None:
    path, body = world.written(honest, "grid.dossier"), spread_frequencies(world.catalogue).to_body()
    by_bank = world.signed(FREQUENCIES_KIND, body, BANK)
    refused(lambda: world.review(path, by_bank), Code.PEER_UNTRUSTED, "")
    short = json.loads(json.dumps(body))
    short["fields"] = short["fields"][:-1]
    short["rank_correlation"] = {name: value[:-1] for name, value in short["rank_correlation"].items()}
    refused(lambda: world.review(path, world.signed(FREQUENCIES_KIND, short)), Code.INVALID_INPUT, "field-011",
            Side.BUREAU)  # fmt: skip
    for cell, name in ((1, "high"), (2, "low")):
        body["fields"][0]["cells"][cell][name] = "100.5"
    refused(lambda: world.review(path, world.signed(FREQUENCIES_KIND, body)), Code.INVALID_INPUT, "field-000")


def test_a_description_or_paper_that_is_not_the_signed_one_is_refused(
    world: CertificationWorld, honest: Dossier
) -> None:
    cases: list[tuple[Dossier, str]] = [
        (honest.replaced(scorecard=honest.content.scorecard + b" "), "scorecard"),
        (honest.with_header(catalogue_digest="00" * 32), "catalogue"),
        (honest.with_header(agreement_digests=("00" * 32,)), "agreement"),
        (honest.with_header(description="{}"), "description"),
        (honest.with_header(bureaus=("bureau-xx",)), "bureau"),
        (Dossier(honest.content, honest.pieces[:-1]), "ends too early"),
        (Dossier(honest.content, [*honest.pieces, b"x"]), "goes on"),
    ]
    for dossier, part in cases:
        path = world.written(dossier, "papers.dossier")
        refused(partial(world.review, path), Code.INVALID_INPUT, part)


def test_a_profile_of_another_engine_is_refused(world: CertificationWorld, honest: Dossier) -> None:
    path = world.written(honest.with_header(profile="paillier-3072-1"), "profile.dossier")
    refused(lambda: world.review(path), Code.PROFILE_UNKNOWN, "paillier-3072-1")


def test_a_linear_model_is_reviewed_like_any_other(world: CertificationWorld) -> None:
    """Its bins are the quantised values; equal slopes on twelve fields hide every one of them."""

    def linear(card: dict[str, Any]) -> None:
        member = {"type": "linear", "source": "bureau", "low": "0", "high": "1000", "quantum": "100", "weight": 3}
        card["kind"] = "linear"
        card["fields"] = [member | {"field": field["field"], "missing": 0} for field in card["fields"]]

    result = world.review(world.written(world.dossier(card_with(world, linear)), "linear.dossier"))
    assert failures(result) == []
    (exact,) = [view for view in result.views if view.view == "independent"]
    assert exact.distinct_scores == 12 * 10 + 1
    assert [each.label for each in exact.fields[0].bins][-1] == "missing"
    assert len(exact.fields[0].bins) == 12


def test_progress_is_told_of_columns_and_fields(world: CertificationWorld, honest: Dossier) -> None:
    told: list[tuple[str, int, int]] = []
    path: Path = world.written(honest, "progress.dossier")
    with world.office() as office:
        order = review_module.ReviewOrder(path, (world.frequencies(),))
        review_module.review(office, order, lambda _: None, lambda *step: told.append(step))
    assert ("columns", 48, 48) in told
    assert {what for what, _, _ in told} >= {"columns", "independent fields", "correlated fields"}
