"""The six gates on plain values: what passes, and the sentence that says why."""

from typing import Any

import pytest

from app.policies.gates import baseline_aliases, baseline_stages
from app.promotions.rules.gates import (
    Holder,
    Needs,
    Reporter,
    judge_gate,
    needs_of,
    parse_gate,
)
from tests.promotions.evidence import (
    ALICE,
    CI,
    DATA,
    MINE,
    OTHER_DATA,
    THEIRS,
    checked,
    decided,
    evidence,
    measured,
)

METRIC = {"type": "metric", "metric": "auc", "dataset": "holdout", "op": ">=", "value": 0.9}
BASELINE = {"type": "baseline", "metric": "auc", "dataset": "holdout", "higher_is_better": True}
CHECK = {"type": "check", "name": "ci/robustness"}
BY_CI = {"reported_by": {"identities": ["CI-Bot"]}}
BY_GROUP = {"reported_by": {"groups": ["Evaluators"]}}
EVE = Reporter("eve", frozenset({"evaluators"}))
CODE = {"repository": "https://git.example.com/a.git", "commit": "3f2c9e", "dirty": False}


@pytest.mark.parametrize(
    ("op", "value", "passes", "asks"),
    [
        (">=", 0.9, True, "0.9 or more"),
        (">=", 0.934, True, "0.934 or more"),
        (">", 0.934, False, "more than 0.934"),
        ("<=", 0.9, False, "0.9 or less"),
        ("<", 1, True, "less than 1"),
        ("=", 0.934, True, "exactly 0.934"),
        ("==", 0.935, False, "exactly 0.935"),
        ("!=", 0.934, False, "anything but 0.934"),
    ],
)
def test_a_metric_is_compared_with_what_is_asked_for(
    op: str, value: float, passes: bool, asks: str
) -> None:
    found = decided({**METRIC, "op": op, "value": value}, evidence(measured(0.934)))
    detail = f"auc on holdout is 0.934; {asks} is asked for (reported by ci-bot)."
    assert found == (passes, detail)


def test_numbers_are_compared_as_they_were_written_and_never_look_the_same_when_they_differ() -> (
    None
):
    just_less = evidence(measured(0.8999999999))
    assert decided(METRIC, just_less) == (
        False,
        "auc on holdout is 0.8999999999; 0.9 or more is asked for (reported by ci-bot).",
    )
    sum_of_tenths = {**METRIC, "op": "<=", "value": 0.3}
    assert decided(sum_of_tenths, evidence(measured(0.1 + 0.2))) == (
        False,
        "auc on holdout is 0.30000000000000004; 0.3 or less is asked for (reported by ci-bot).",
    )
    for value, text in (
        (1e300, "1e+300"),
        (-2.5e-12, "-2.5e-12"),
        (0.0, "0"),
        (-0.0, "0"),
        (1234567, "1234567"),
        (48213.5, "48213.5"),
        (1 / 3, "0.333333"),
        (5e-324, "5e-324"),
    ):
        detail = decided({**METRIC, "value": 17}, evidence(measured(value)))[1]
        assert f" is {text}; " in detail


@pytest.mark.parametrize("gate", [METRIC, {**METRIC, "dataset": DATA.upper()}])
def test_the_newest_report_that_counts_decides_even_when_it_is_worse(gate: dict[str, Any]) -> None:
    better, worse = measured(0.95, at=1), measured(0.89, at=2)
    assert decided(gate, evidence(better, worse))[0] is False
    assert decided(gate, evidence(worse, better))[0] is False
    newer_by_alice = measured(0.99, by=ALICE, at=3)
    assert decided({**gate, **BY_CI}, evidence(better, worse, newer_by_alice))[0] is False
    assert decided(gate, evidence(better, worse, newer_by_alice))[0] is True


@pytest.mark.parametrize(
    ("reporter", "counts"),
    [
        (CI, {"identities": True, "groups": False}),
        (Reporter("CI-BOT", frozenset({"x"})), {"identities": True, "groups": False}),
        (Reporter("eve", frozenset({"EVALUATORS"})), {"identities": False, "groups": True}),
        (Reporter("evaluators"), {"identities": False, "groups": False}),
        (Reporter("alice", frozenset({"ci-bot"})), {"identities": False, "groups": False}),
        (Reporter("ci-bot", frozenset({"evaluators"}), disabled=True), {}),
    ],
)
def test_only_reports_of_those_who_are_permitted_and_not_disabled_count(
    reporter: Reporter, counts: dict[str, bool]
) -> None:
    found = evidence(
        measured(0.99, by=reporter, at=2),
        measured(0.99, by=reporter, version=THEIRS),
        checks=(checked("success", by=reporter),),
    )
    for kind, rule in (("identities", BY_CI), ("groups", BY_GROUP)):
        for gate in (METRIC, BASELINE, CHECK):
            assert decided({**gate, **rule}, found)[0] is counts.get(kind, False), (gate, rule)
    for gate in (METRIC, BASELINE, CHECK):
        assert decided(gate, found)[0] is not reporter.disabled


def test_a_metric_that_nobody_permitted_has_reported_says_who_may() -> None:
    who = {"reported_by": {"identities": ["ci-bot", "eval"], "groups": ["evaluators"]}}
    assert decided({**METRIC, **who}, evidence()) == (
        False,
        "auc on holdout was never reported for version 7; ci-bot, eval or a member of evaluators "
        "may report it.",
    )
    by_alice = evidence(measured(0.99, by=ALICE), measured(0.98, by=Reporter("bob"), at=2))
    assert decided({**METRIC, **who}, by_alice) == (
        False,
        "auc on holdout was reported for version 7 by alice and bob only, and that does not count; "
        "ci-bot, eval or a member of evaluators must report it.",
    )
    other = evidence(
        measured(0.99, dataset="train"), measured(0.99, metric="f1"), measured(0.9, version=THEIRS)
    )
    assert decided(METRIC, other) == (
        False,
        "auc on holdout was never reported for version 7; anybody may report it.",
    )


def test_a_versions_own_metrics_are_the_word_of_all_its_authors() -> None:
    gate = {"type": "metric", "metric": "auc", "op": ">=", "value": 0.9}
    recipe = {"metrics": {"auc": 0.934}}
    detail = "auc is 0.934; 0.9 or more is asked for (the version's own metric)."
    assert decided(gate, evidence(recipe=recipe)) == (True, detail)
    by_ci = {**gate, **BY_CI}
    assert decided(by_ci, evidence(recipe=recipe, authors=(CI,))) == (True, detail)
    assert decided(by_ci, evidence(recipe=recipe, authors=(CI, ALICE))) == (
        False,
        "The version's own auc is the word of alice; only that of CI-Bot counts.",
    )
    assert decided(by_ci, evidence(recipe=recipe))[0] is False
    disabled = Reporter("ci-bot", disabled=True)
    assert decided(by_ci, evidence(recipe=recipe, authors=(disabled,)))[0] is False
    assert decided(gate, evidence(measured(0.99))) == (
        False,
        "Version 7 has no metric auc of its own.",
    )


@pytest.mark.parametrize(
    ("value", "baseline", "allowed", "higher", "passes", "verdict"),
    [
        (0.934, 0.921, 0, True, True, "0.013 better"),
        (0.921, 0.921, 0, True, True, "just as good"),
        (0.92, 0.921, 0, True, False, "0.001 worse, and nothing is allowed"),
        (0.89, 0.90, 0.01, True, True, "0.01 worse, and 0.01 is allowed"),
        (
            0.8899999999,
            0.90,
            0.01,
            True,
            False,
            "0.0100000001 worse, and 0.01 is allowed",
        ),
        (0.2, 0.21, 0, False, True, "0.01 better"),
        (0.3, 0.2, 0.1, False, True, "0.1 worse, and 0.1 is allowed"),
        (0.31, 0.2, 0.1, False, False, "0.11 worse, and 0.1 is allowed"),
        (1e300, -1e300, 0, True, True, "2e+300 better"),
        (-1e-20, 1e20, 1e20, True, False, None),
    ],
)
def test_a_version_is_compared_with_the_one_in_use(
    value: float, baseline: float, allowed: float, higher: bool, passes: bool, verdict: str | None
) -> None:
    gate = {**BASELINE, "higher_is_better": higher, "max_regression": allowed}
    found = evidence(measured(value), measured(baseline, version=THEIRS))
    passed, detail = decided(gate, found)
    assert passed is passes
    if verdict is not None:
        assert detail.startswith("Version 6, which holds production, has ")
        assert " on the same data (9f86d0…); version 7 has " in detail
        assert detail.endswith(f": {verdict}.")


def test_only_measurements_on_the_same_bytes_are_compared() -> None:
    theirs_elsewhere = measured(0.5, version=THEIRS, sha256=OTHER_DATA)
    assert decided(BASELINE, evidence(measured(0.99), theirs_elsewhere)) == (
        False,
        "Version 6, which holds production, was measured on other data (ab1200…) than version 7 "
        "(9f86d0…): for auc on holdout, measure version 7 on ab1200… or version 6 on 9f86d0….",
    )
    # Of several data sets of one name, the one that both know and the candidate was last on.
    passed, detail = decided(
        BASELINE,
        evidence(
            measured(0.7, at=1, sha256=OTHER_DATA),
            measured(0.8, at=2),
            measured(0.99, at=3, sha256="c" * 64),
            measured(0.6, at=9, version=THEIRS, sha256=OTHER_DATA),
            measured(0.9, at=8, version=THEIRS),
        ),
    )
    assert not passed
    assert detail.endswith(
        "has 0.9 on the same data (9f86d0…); version 7 has 0.8: 0.1 worse, and nothing is allowed."
    )
    # A digest means data whatever its name.
    by_digest = {**BASELINE, "dataset": OTHER_DATA}
    renamed = measured(0.9, sha256=OTHER_DATA, dataset="another name")
    assert decided(by_digest, evidence(renamed, theirs_elsewhere))[0] is True
    assert decided(by_digest, evidence(measured(0.99), theirs_elsewhere))[0] is False


def test_what_was_not_measured_or_names_no_digest_cannot_be_compared() -> None:
    mine, theirs = measured(0.99), measured(0.5, version=THEIRS)
    nothing_of = "auc on holdout was never reported for version"
    holder = "6, which holds production"
    may = "anybody may report it."
    assert decided(BASELINE, evidence(mine))[1] == f"{nothing_of} {holder}; {may}"
    assert decided(BASELINE, evidence(theirs))[1] == f"{nothing_of} 7; {may}"
    assert decided(BASELINE, evidence())[1] == (
        f"{nothing_of} {holder}; {may} {nothing_of} 7; {may}"
    )
    bare = measured(0.5, version=THEIRS, sha256=None)
    assert decided(BASELINE, evidence(mine, bare)) == (
        False,
        "There is no digest of the data in what was reported of auc on holdout for version 6, "
        "which holds production: report it with the sha256 of the data set, so that it can be "
        "known to be the same data.",
    )
    assert decided(BASELINE, evidence(measured(0.99, sha256=None), bare))[0] is False


def test_where_nobody_is_compared_with_the_policy_says_what_follows() -> None:
    free = evidence(measured(0.9), holders={"production": (), "@champion": ()})
    assert decided(BASELINE, free) == (
        False,
        "No version holds production now, so there is nothing to compare with.",
    )
    lenient = {**BASELINE, "if_no_baseline": "pass"}
    assert decided(lenient, free) == (
        True,
        "No version holds production now, so nothing is compared.",
    )
    assert decided({**lenient, "against": "@champion"}, free)[0] is True
    assert decided({**lenient, "against": "staging"}, free) == (
        False,
        "There is no stage staging to compare with.",
    )
    crowd = evidence(holders={"production": (Holder(THEIRS, 6), Holder(MINE, 7))})
    assert decided(lenient, crowd) == (
        False,
        "Several versions hold production; only one can be compared with.",
    )


def test_a_version_is_not_compared_with_itself() -> None:
    itself = evidence(holders={"@champion": (Holder(MINE, 7),)})
    assert decided({**BASELINE, "against": "@champion"}, itself) == (
        True,
        "Version 7 is @champion itself: the others are compared with it.",
    )


def test_with_confidence_the_bound_decides_and_all_numbers_are_told() -> None:
    gate = {**BASELINE, "max_regression": 0.005, "confidence": 0.95}
    sure = evidence(measured(0.934, stderr=0.0024), measured(0.921, version=THEIRS, stderr=0.0032))
    assert decided(gate, sure) == (
        True,
        "Version 6, which holds production, has 0.921 on the same data (9f86d0…); version 7 has "
        "0.934. The difference is +0.013 with a standard error of 0.004; with 95 % confidence it "
        "is at least +0.00642059, and -0.005 is allowed.",
    )
    unsure = evidence(measured(0.934, stderr=0.03), measured(0.921, version=THEIRS, stderr=0.04))
    passed, detail = decided(gate, unsure)
    assert not passed
    assert detail.endswith("it is at least -0.0692427, and -0.005 is allowed.")
    losses = {**gate, "higher_is_better": False, "max_regression": 0}
    better = evidence(measured(0.2, stderr=0.001), measured(0.21, version=THEIRS, stderr=0.001))
    passed, detail = decided(losses, better)
    assert passed
    assert "The improvement (lower is better) is +0.01 with" in detail
    assert detail.endswith("and nothing below 0 is allowed.")


def test_a_share_of_n_is_as_sure_as_n_allows() -> None:
    gate = {**BASELINE, "confidence": 0.95}
    few = evidence(measured(0.95, n=100), measured(0.90, n=100, version=THEIRS))
    many = evidence(measured(0.95, n=10_000), measured(0.90, n=10_000, version=THEIRS))
    assert decided(gate, few)[0] is False
    assert decided(gate, many)[0] is True
    # All of a few right is no proof of never being wrong: the error is not zero.
    perfect = evidence(measured(1.0, n=1), measured(0.99, n=10_000, version=THEIRS))
    assert decided(gate, perfect)[0] is False


@pytest.mark.parametrize(
    ("mine", "theirs", "whose"),
    [
        ({}, {"stderr": 0.1}, "version 7"),
        ({"stderr": 0.1}, {}, "version 6, which holds production"),
        ({}, {"n": 0}, "version 6, which holds production and for version 7"),
        ({"stderr": -1.0}, {"stderr": 0.1}, "version 7"),
    ],
)
def test_confidence_takes_an_error_or_a_count_of_both(
    mine: dict[str, Any], theirs: dict[str, Any], whose: str
) -> None:
    found = evidence(measured(0.9, **mine), measured(0.5, version=THEIRS, **theirs))
    assert decided({**BASELINE, "confidence": 0.9}, found) == (
        False,
        f"How sure auc is cannot be told for {whose}: report it with its stderr, or with n where "
        "it is a share between 0 and 1.",
    )


def test_a_count_says_nothing_of_what_is_no_share() -> None:
    found = evidence(measured(17.0, n=50), measured(12.0, n=50, version=THEIRS))
    assert decided({**BASELINE, "confidence": 0.9}, found)[0] is False
    assert decided(BASELINE, found)[0] is True


def test_huge_errors_and_confidences_close_to_one_do_not_break() -> None:
    gate = {**BASELINE, "confidence": 0.9999999999999999}
    found = evidence(
        measured(1e308, stderr=1.7e308), measured(-1e308, version=THEIRS, stderr=1.7e308)
    )
    passed, detail = decided(gate, found)
    assert not passed
    assert "with 99.99999999999999 % confidence" in detail


@pytest.mark.parametrize(
    ("status", "passes", "says"),
    [
        ("success", True, "succeeded (reported by ci-bot): 40 of 40."),
        ("failure", False, "failed (reported by ci-bot): 40 of 40."),
        ("pending", False, "has not finished yet (reported by ci-bot): 40 of 40."),
    ],
)
def test_a_check_must_say_success(status: str, passes: bool, says: str) -> None:
    found = evidence(checks=(checked(status, summary="40 of\n40"),))
    assert decided(CHECK, found) == (passes, f"The check ci/robustness {says}")


def test_the_latest_permitted_report_of_a_check_decides() -> None:
    success, failure = checked("success", at=1), checked("failure", at=2)
    for reports in ((success, failure), (failure, success)):
        assert decided(CHECK, evidence(checks=reports))[0] is False
    forged = checked("success", at=3, by=ALICE)
    assert decided({**CHECK, **BY_CI}, evidence(checks=(failure, forged))) == (
        False,
        "The check ci/robustness failed (reported by ci-bot).",
    )
    assert decided({**CHECK, **BY_CI}, evidence(checks=(forged,))) == (
        False,
        "The check ci/robustness was reported by alice only, and that does not count; CI-Bot must "
        "report it.",
    )
    assert decided(CHECK, evidence(checks=(checked("success", name="ci/other"),))) == (
        False,
        "The check ci/robustness was never reported for these files; anybody may report it.",
    )


@pytest.mark.parametrize(
    ("files", "rules", "passes", "detail"),
    [
        ((), {"deny": ["pickle"]}, True, "It holds no file."),
        ((), {"allow": ["json"]}, False, "It holds no file."),
        (
            ("model.safetensors", "config.JSON"),
            {"allow": ["safetensors", "json"], "deny": ["pickle"]},
            True,
            "All its 2 files are of formats that may be there.",
        ),
        (
            ("a/MODEL.PKL", "b.pkl.gz", "c.json"),
            {"deny": ["pickle"]},
            False,
            "2 files are of a format that is denied: a/MODEL.PKL (pickle) and b.pkl.gz (pickle).",
        ),
        (
            ("pytorch_model.bin", "x.bin"),
            {"deny": ["torch"]},
            False,
            "One file is of a format that is denied: pytorch_model.bin (torch).",
        ),
        (
            ("w.onnx", "w.pt", "notes"),
            {"allow": ["onnx", ".txt"]},
            False,
            "2 files are not of a format that is allowed (onnx and .txt): notes and w.pt (torch).",
        ),
        (
            ("w.pt",),
            {"allow": ["onnx"], "deny": [".PT"]},
            False,
            "One file is of a format that is denied: w.pt (.pt). One file is not of a format that "
            "is allowed (onnx): w.pt (torch).",
        ),
        (("w.onnx",), {"allow": ["onnx"]}, True, "Its one file is of formats that may be there."),
    ],
)
def test_files_are_of_formats_by_their_names(
    files: tuple[str, ...], rules: dict[str, Any], passes: bool, detail: str
) -> None:
    assert decided({"type": "formats", **rules}, evidence(files=files)) == (passes, detail)


def test_many_wrong_files_are_told_by_the_first_and_how_many_more() -> None:
    files = tuple(f"{n:03}.pkl" for n in range(40))
    detail = decided({"type": "formats", "deny": ["pickle"]}, evidence(files=files))[1]
    assert detail.startswith("40 files are of a format that is denied: 000.pkl (pickle), ")
    assert detail.endswith(" and 35 more.")


def test_content_must_be_held_here() -> None:
    gate = {"type": "stored"}
    assert decided(gate, evidence(is_stored=True, files_count=3)) == (
        True,
        "Version 7 is held here with all its 3 files.",
    )
    assert decided(gate, evidence()) == (False, "It holds no file.")
    elsewhere = evidence(files_count=1, recipe={"source": "s3://models/churn/"})
    assert decided(gate, elsewhere) == (
        False,
        "Its content is held elsewhere too: it names the source s3://models/churn/.",
    )


FULL: dict[str, Any] = {
    "description": "Depth 6.",
    "code": CODE | {"branch": "main", "entrypoint": "train.py", "diff_sha256": "a" * 64},
    "datasets": [
        {"name": role, "role": role, "sha256": "b" * 64}
        for role in ("train", "validation", "test", "other")
    ],
    "preprocessing": [{"name": "scaler"}],
    "environment": {
        "python": "3.11",
        "platform": "Linux",
        "packages": {"scikit_learn": "1.9", "numpy": "2.4"},
        "container_image": "train@sha256:1",
        "hardware": {"gpu": 1},
    },
    "seed": 0,
    "signature": {"inputs": [{"name": "age"}], "outputs": []},
    "run": {"tracker": "mlflow", "id": "1"},
    "source": "s3://b/m",
    "params": {"lr": 0, "opt": {"name": "adam", "nesterov": False}, "a.b": 1},
    "metrics": {"auc": 0.0, "val.auc": 0.9},
    "tags": {"team": "fraud", "empty": " "},
}


@pytest.mark.parametrize(
    "name",
    [
        "description",
        "code",
        "code.repository",
        "code.commit",
        "code.branch",
        "code.entrypoint",
        "code.diff_sha256",
        "code.clean",
        "datasets",
        "datasets.train",
        "datasets.validation",
        "datasets.test",
        "datasets.other",
        "datasets.sha256",
        "preprocessing",
        "environment",
        "environment.python",
        "environment.platform",
        "environment.packages",
        "environment.container_image",
        "environment.hardware",
        "environment.packages.Scikit-Learn",
        "environment.packages.numpy",
        "seed",
        "signature",
        "parents",
        "run",
        "source",
        "files",
        "params",
        "params.lr",
        "params.opt.name",
        "params.opt.nesterov",
        "params.a.b",
        "metrics",
        "metrics.auc",
        "metrics.val.auc",
        "tags",
        "tags.team",
    ],
)
def test_every_field_that_can_be_required_is_found_in_a_full_version_and_not_in_an_empty_one(
    name: str,
) -> None:
    gate = {"type": "fields", "require": [name]}
    full = evidence(recipe=FULL, files_count=1, has_parents=True)
    assert decided(gate, full) == (True, f"Version 7 has {name}.")
    assert decided(gate, evidence()) == (False, f"Version 7 lacks {name}.")


@pytest.mark.parametrize(
    ("name", "recipe", "detail"),
    [
        ("description", {"description": " \n"}, "description"),
        ("code.clean", {"code": CODE | {"dirty": None}}, "code.clean"),
        (
            "code.clean",
            {"code": CODE | {"dirty": True}},
            "code.clean (its working tree differed from the commit)",
        ),
        ("code.branch", {"code": CODE | {"branch": None}}, "code.branch"),
        (
            "datasets.sha256",
            {"datasets": [*FULL["datasets"], {"name": "extra", "role": "other", "sha256": None}]},
            "datasets.sha256 (there is no digest of extra)",
        ),
        ("signature", {"signature": {"inputs": [], "outputs": None}}, "signature"),
        ("environment.packages", {"environment": {"packages": {}}}, "environment.packages"),
        ("params.opt.lr", FULL, "params.opt.lr"),
        ("params.lr.deep", FULL, "params.lr.deep"),
        ("params.x", {"params": {"x": None}}, "params.x"),
        ("params.x", {"params": {"x": []}}, "params.x"),
        ("tags.empty", FULL, "tags.empty"),
        ("metrics.f1", FULL, "metrics.f1"),
    ],
)
def test_what_is_empty_or_only_half_there_is_lacking(
    name: str, recipe: dict[str, Any], detail: str
) -> None:
    gate = {"type": "fields", "require": [name]}
    assert decided(gate, evidence(recipe=recipe)) == (False, f"Version 7 lacks {detail}.")


def test_all_that_lacks_is_named_at_once() -> None:
    gate = {"type": "fields", "require": ["description", "code.commit", "seed", "files", "run"]}
    assert decided(gate, evidence(recipe={"seed": 7})) == (
        False,
        "Version 7 lacks description, code.commit, files and run.",
    )


@pytest.mark.parametrize(
    "stored",
    [
        {"type": "fairness", "group": "age"},
        {},
        {"type": None},
        {"type": "metric", "metric": "auc"},
        {"type": "check", "name": "ci", "sudo": True},
        {"type": "stored", "passed": True},
    ],
)
def test_a_gate_that_this_server_does_not_know_never_passes(stored: dict[str, Any]) -> None:
    assert parse_gate(stored) is None
    found = judge_gate(stored, None, evidence(is_stored=True))
    assert found["passed"] is False
    assert "cannot decide" in found["detail"]
    assert found["type"] == str(stored.get("type"))


def test_a_finding_is_the_gate_with_its_verdict() -> None:
    found = judge_gate(METRIC, parse_gate(METRIC), evidence(measured(0.934)))
    detail = "auc on holdout is 0.934; 0.9 or more is asked for (reported by ci-bot)."
    assert found == {**METRIC, "passed": True, "detail": detail}
    assert judge_gate(METRIC, parse_gate(METRIC), None)["passed"] is False


def test_nothing_is_read_that_no_gate_needs() -> None:
    def needs(*gates: dict[str, Any]) -> Needs:
        return needs_of([parse_gate(gate) for gate in gates], "production")

    fields = {"type": "fields", "require": ["description"]}
    own = {"type": "metric", "metric": "auc", "op": ">", "value": 0}
    assert needs(fields, own, {"type": "stored"}, {"type": "unknown"}) == Needs()
    assert needs({**own, **BY_CI}) == Needs(authors=True)
    assert needs({"type": "fields", "require": ["parents"]}) == Needs(parents=True)
    assert needs({"type": "formats", "deny": ["pickle"]}) == Needs(files=True)
    assert needs(CHECK, {**CHECK, "name": "b"}) == Needs(checks=frozenset({"ci/robustness", "b"}))
    assert needs(METRIC, {**METRIC, "dataset": DATA.upper(), "metric": "f1"}) == Needs(
        metrics=frozenset({"auc", "f1"}),
        datasets=frozenset({"holdout"}),
        digests=frozenset({DATA}),
    )
    assert needs(BASELINE, {**BASELINE, "against": "@champion"}) == Needs(
        metrics=frozenset({"auc"}),
        datasets=frozenset({"holdout"}),
        against=frozenset({"production", "@champion"}),
    )


def test_a_policy_learns_whom_its_gates_compare_with() -> None:
    stored = [
        BASELINE,
        {**BASELINE, "against": "canary"},
        {**BASELINE, "against": "@Champion"},
        {**METRIC, "against": "@other"},
        {"type": "baseline", "against": 5},
    ]
    assert baseline_aliases(stored) == {"Champion"}
    assert baseline_stages(stored) == {"canary"}
    shapes = [parse_gate({**BASELINE, "against": against}) for against in ("CANARY", "@Champion")]
    assert baseline_aliases([*shapes, parse_gate(METRIC)]) == {"Champion"}
    assert baseline_stages([*shapes, parse_gate(BASELINE)]) == {"canary"}
