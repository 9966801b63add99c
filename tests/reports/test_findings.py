from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from surrogate_nas.reports import findings
from surrogate_nas.reports.findings import Answer

pytestmark = pytest.mark.xdist_group("reports")


def scores(run, architecture, split):
    return [r.score("accuracy", split) for r in findings.confirmations(run, architecture)]


def test_networks_are_means_over_the_fresh_trainings_of_the_log(run):
    frame = findings.networks(run)
    for row in findings.rows(frame):
        for split in ("val", "test"):
            values = scores(run, row.architecture, split)
            assert len(values) == run.budget.seeds == row.seeds
            assert getattr(row, split) == pytest.approx(np.mean(values))
            assert getattr(row, f"{split}_std") == pytest.approx(np.std(values, ddof=1))


def test_networks_come_best_validated_first_and_the_answer_is_number_one(run):
    frame = findings.networks(run)
    assert frame["val"].is_monotonic_decreasing
    assert frame["label"].is_unique
    assert sorted(frame.loc[frame["answer"], "label"]) == ["guided 1", "random 1"]
    guided = set(run.history.loc[run.history["kind"] == "guided", "architecture"])
    assert (frame["seen"] == frame["architecture"].isin(guided)).all()


def test_a_network_whose_trainings_failed_comes_last(run):
    broken = run.comparison.copy()
    first = broken.index[broken["kind"] == "hand"][0]
    broken.loc[first, ["val", "val_std", "test", "test_std"]] = np.nan
    broken.loc[first, "failed"] = run.budget.seeds
    row = findings.networks(replace(run, comparison=broken)).iloc[-1]
    assert (row["label"], row["seeds"]) == (broken.loc[first, "name"], 0)


def test_answers_are_chosen_on_validation(run, finished):
    ours, luck, hand = findings.answers(run)
    assert ours.architecture == finished.result.outcome.predictor.space.format(finished.result.best)[0]
    assert ours.val == run.comparison.loc[run.comparison["kind"] == "guided", "val"].max()
    assert luck.val == run.comparison.loc[run.comparison["kind"] == "random", "val"].max()
    assert hand.val == run.comparison.loc[run.comparison["kind"] == "hand", "val"].max()
    assert ours.test == pytest.approx(np.mean(scores(run, ours.architecture, "test")))


def answer(values, name="a"):
    return Answer(name, name, 0.5, 0.1, float(np.mean(values)), float(np.std(values, ddof=1)), len(values))


def test_a_gap_has_welchs_interval(rng):
    a, b = rng.normal(0.9, 0.01, 3), rng.normal(0.88, 0.03, 5)
    gap = findings.gap(answer(a), answer(b, "b"))
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert gap.points == pytest.approx(100 * (a.mean() - b.mean()))
    assert gap.error == pytest.approx(100 * np.sqrt(a.var(ddof=1) / 3 + b.var(ddof=1) / 5))
    assert (gap.low, gap.high) == pytest.approx((100 * expected.low, 100 * expected.high))


def test_a_gap_between_a_network_and_itself_is_nothing():
    gap = findings.gap(answer([0.9, 0.8]), answer([0.9, 0.8]))
    assert gap.same
    assert (gap.points, gap.error) == (0, 0)


@pytest.mark.parametrize("other", [(0.9, np.nan, 1), (np.nan, np.nan, 0)], ids=["one seed", "failed"])
def test_a_gap_without_spread_has_no_interval(other):
    gap = findings.gap(answer([0.9, 0.8]), Answer("b", "b", 0.5, 0.1, *other))
    assert np.isnan([gap.error, gap.low, gap.high]).all()


def test_agreement_counts_each_network_once(run):
    frame = findings.networks(run).drop_duplicates("architecture")
    found = findings.agreement(run)
    assert found.n == len(frame)
    assert found.tau == pytest.approx(stats.kendalltau(frame["predicted"], frame["val"]).statistic)
    assert found.rho == pytest.approx(stats.spearmanr(frame["predicted"], frame["val"]).statistic)
    unseen = frame[~frame["seen"]]
    assert found.n_unseen == len(unseen)
    assert found.tau_unseen == pytest.approx(stats.kendalltau(unseen["predicted"], unseen["val"]).statistic)


def test_two_networks_have_no_rank_correlation(run):
    arms = run.comparison[run.comparison["answer"] if "answer" in run.comparison else run.comparison["chosen"]].head(2)
    found = findings.agreement(replace(run, comparison=arms))
    assert np.isnan([found.tau, found.rho, found.tau_unseen]).all()


def test_best_so_far_is_a_running_maximum_that_failures_do_not_touch(run):
    history = run.history.copy()
    history.loc[(history["step"] == 1) | (history["step"] == 5), "val"] = np.nan
    frame = findings.best_so_far(replace(run, history=history))
    for _, part in frame.groupby("kind"):
        assert part["step"].tolist() == list(range(1, len(part) + 1))
        assert np.isnan(part["best"].iloc[0])
        assert part["best"].tolist()[1:] == np.fmax.accumulate(part["val"])[1:].tolist()


def test_the_ranking_knows_what_was_trained(run):
    found = dict(zip(run.history["architecture"], run.history["val"], strict=True))
    frame = findings.ranking(run, 10)
    assert frame["rank"].tolist() == list(range(1, 11))
    assert frame["mean"].is_monotonic_decreasing
    guided = set(run.history.loc[run.history["kind"] == "guided", "architecture"])
    for row in findings.rows(frame):
        assert row.found == found[row.architecture] if row.architecture in guided else np.isnan(row.found)


def test_ties_with_the_first_are_counted(run):
    ranking = pd.DataFrame({"architecture": list("abcd"), "mean": [4.0, 3.5, 3.0, 2.9], "std": [1.0, 9, 9, 9]})
    assert findings.tied_with_first(replace(run, ranking=ranking)) == 3


def test_curves_are_means_over_seeds_of_the_logged_curves(run):
    frame = findings.curves(run)
    networks = findings.networks(run).set_index("label")
    assert set(frame["label"]) == set(networks.index)
    for row in findings.rows(frame):
        points = [
            point.val_score
            for result in findings.confirmations(run, networks["architecture"][row.label])
            for point in result.curve
            if point.epoch == row.epoch
        ]
        assert row.seeds == len(points) == run.budget.seeds
        assert (row.mean, row.std) == pytest.approx((np.mean(points), np.std(points, ddof=1)))
    thick = frame.loc[frame["thick"], ["kind", "label"]].drop_duplicates()
    assert sorted(thick["kind"]) == ["guided", "hand", "random"]


def test_arms_are_charged_for_every_training(run):
    frame = findings.arm_costs(run).set_index("kind")
    budget = run.budget
    for arm in ("guided", "random"):
        assert frame.loc[arm, "total"] == budget.trainings
        assert frame.loc[arm, "search_s"] == pytest.approx(run.history.loc[run.history["kind"] == arm, "cost_s"].sum())
    hand_made = (run.comparison["kind"] == "hand").sum()
    assert frame.loc["hand", ["search", "confirm"]].tolist() == [0, hand_made * budget.seeds]
    assert frame.loc["hand", "total_s"] > 0


def test_failures_are_found_and_their_time_is_not_lost(run):
    failed = replace(run.trainings[0], status="failed", reason="diverged")
    broken = replace(run, trainings=(failed, *run.trainings[1:]))
    assert findings.failures(run) == []
    assert findings.failures(broken) == [failed]
    assert findings.training_seconds(broken) == pytest.approx(sum(r.seconds for r in run.trainings))


def test_finalists_begin_with_the_answer_and_are_named_once(run):
    found = findings.finalists(run)
    assert found[0].architecture == findings.answers(run)[0].architecture
    names = [label for finalist in found for _, label in finalist.labels]
    assert sorted(names) == ["guided 1", "guided 2", "random 1", "random 2"]
    assert len({finalist.architecture for finalist in found}) == len(found)
