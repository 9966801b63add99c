"""What tuning the recipe of confirmed networks is worth: step size, weight decay, width and the architecture, together.

The three architectures of NAS-Bench-201's space that validate best in the table image-tasks on `few-digits`; 20 trials
of Optuna's TPE on the validation score, the recipe as it is among them, with three seeds of the sampler. Then that
recipe, with the first architecture, and the tuned one with its own are trained with ``--confirm`` fresh seeds: mean
test accuracy, and the gap, paired by seed, with its standard error.

    python analysis/36_tuning.py
"""

import argparse
from pathlib import Path

import numpy as np

import surrogate_nas as sn
from surrogate_nas.experiments.tuning import tune


def main() -> None:
    """Tune and confirm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--samplers", type=int, default=3)
    parser.add_argument("--confirm", type=int, default=8)
    parser.add_argument("--run-dir", type=Path, default=Path("runs/tuning"))
    options = parser.parse_args()
    table = sn.load_table("image-tasks")
    rows, scores = table.top(3, task="few-digits", metric="accuracy", split="val")
    trainer = sn.Trainer(space=table.space, dataset="few-digits", device="cpu")
    fresh = range(1, 1 + options.confirm)
    start = np.array([trainer.train(rows[0], seed).test.accuracy for seed in fresh])
    print(f"as it is: validation {100 * scores[0]:.2f} %, test {100 * start.mean():.2f} ± "
          f"{100 * start.std(ddof=1):.2f} %, {options.confirm} fresh seeds", flush=True)  # fmt: skip
    for seed in range(options.samplers):
        tuned = tune(trainer, rows, trials=options.trials, random_state=seed, run_dir=options.run_dir / str(seed))
        best = np.array([tuned.trainer.train(tuned.x, s).test.accuracy for s in fresh])
        gap = best - start
        settings = tuned.trainer.settings
        print(f"sampler {seed}: validation {100 * tuned.trials['val'].max():.2f} %, test {100 * best.mean():.2f} ± "
              f"{100 * best.std(ddof=1):.2f} %, gap {100 * gap.mean():+.2f} ± "
              f"{100 * gap.std(ddof=1) / np.sqrt(len(gap)):.2f} points; step size {settings.learning_rate:.4f}, weight "
              f"decay {settings.weight_decay:.3f}, width {settings.width:.2f}, "
              f"{table.space.format(tuned.x)[0]}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
