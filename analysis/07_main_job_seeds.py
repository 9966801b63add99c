"""How often the main job's answer beats random search at equal cost (GOALS F).

    python analysis/07_main_job_seeds.py                  # 20 seeds per task on the embedded table of trainings
    python analysis/07_main_job_seeds.py --seeds 100

Protocol: the main job is replayed on data/graph-tasks.parquet, real trainings that this package collected
(analysis/06): 500 architectures x 3 seeds per task. Both arms share the first 20 random architectures; each
adds as many further trainings (training seed 0); each names three finalists, confirmed with the training
seeds 1 and 2; each chooses on mean validation and is reported on mean test. The predictor is learned across
the nine tasks of NAS-Bench-Graph and has seen none of these. Ties count half. Intervals: bootstrap over
seeds (share and gap). In the same run: each of the two advisers alone, an adviser that never adapts, and
the best of the 500 on test, which nobody can know.
"""

import argparse
import time

import numpy as np

import surrogate_nas as sn
from surrogate_nas.core.statistics import bootstrap_mean
from surrogate_nas.experiments import Budget, ReplayedTrainings, play, sources_of
from surrogate_nas.experiments.arms import FromScratch
from surrogate_nas.predictors import BasePredictor

#: Widths of the printed columns.
WIDTHS = (7, 16, 16, 18, 9, 9)
BUDGET = Budget(support=20, further=12, rounds=6, finalists=3, seeds=2)


class NeverAdapted:
    """An adviser with what earlier tasks say, blind to the new one."""

    def __init__(self, meta: sn.MetaPredictor) -> None:
        self.predictor = meta.adapt()

    def adapt(self, X: np.ndarray, y: np.ndarray) -> BasePredictor:
        """Return the same predictor whatever was measured."""
        return self.predictor


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--strategy", default="ranking")
    options = parser.parse_args()
    sources = sn.load_table("nas-bench-graph")
    start = time.process_time()
    learned = sn.MetaPredictor(sources.space, random_state=0).fit(sources_of(sources))
    print(f"learned across {len(sources.tasks)} tasks in {time.process_time() - start:.1f} s of CPU")
    scratch = FromScratch(sources.space)
    methods = {
        "the main job: both take turns": (learned, scratch),
        "learned across tasks only": (learned,),
        "from scratch only": (scratch,),
        "earlier tasks, never adapted": (NeverAdapted(learned),),
    }
    table = sn.load_table("graph-tasks")
    for task in table.tasks:
        trainings = ReplayedTrainings(table, task)
        pool = trainings.candidates()
        everything = trainings.train(pool, BUDGET.confirm_seeds).test.mean(axis=1)
        print(f"\n{task}: {len(pool)} architectures, {options.seeds} seeds, {BUDGET.trainings} trainings per arm")
        pool_test = f"mean {everything.mean():.4f}, sd {everything.std():.4f}, best {everything.max():.4f}"
        print(f"  test accuracy over the pool: {pool_test}")
        heads = zip(("wins", "95% interval", "gap in points", "95% interval", "guided", "random"), WIDTHS, strict=True)
        print(f"  {'guided arm':<32}" + "".join(f"{head:>{width}}" for head, width in heads))
        for name, advisers in methods.items():
            outcomes = [
                play(trainings, advisers, BUDGET, proposer=options.strategy, random_state=seed)
                for seed in range(options.seeds)
            ]
            ours, luck = (np.array([getattr(o, arm).test for o in outcomes]) for arm in ("guided", "random"))
            rng = np.random.default_rng(0)
            wins = bootstrap_mean((ours > luck) + 0.5 * (ours == luck), rng)
            gap = bootstrap_mean(100 * (ours - luck), rng)
            print(
                f"  {name:<32}{wins.mean:>7.1%}{f'{wins.low:.0%} to {wins.high:.0%}':>16}{gap.mean:>+16.2f}"
                f"{f'{gap.low:+.2f} to {gap.high:+.2f}':>18}{ours.mean():>9.4f}{luck.mean():>9.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
