"""Write the page, the figures and the LaTeX tables of a finished comparison, and print its numbers.

Takes the run folder of ``compare()`` (or the Parquet file in it). With ``--by epochs`` or ``--by cost_s`` the budget is
counted in full trainings instead of evaluations, which is what strategies of many short trainings are to be judged by:

    python analysis/25_comparison_report.py runs/comparison --out runs/comparison --figures analysis/figures
"""

import argparse
from pathlib import Path

import pandas as pd

from surrogate_nas.experiments import statistics
from surrogate_nas.experiments.comparing.comparison import Comparison
from surrogate_nas.reports import write_comparison_figures, write_comparison_report, write_comparison_tables


def main() -> None:
    """Read one comparison and write what can be shown of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("comparison", type=Path, help="run folder, or comparison.parquet")
    parser.add_argument("--out", type=Path, required=True, help="folder of comparison.html and the .tex files")
    parser.add_argument(
        "--figures", type=Path, help="folder of the figures, each named comparison-*.svg; default: none"
    )
    parser.add_argument("--budget", type=int, help="compare after so many evaluations; default: all")
    parser.add_argument("--by", choices=["evaluations", "epochs", "cost_s"], default="evaluations", help="what counts")
    given = parser.parse_args()

    found = Comparison.load(given.comparison)
    tasks = found.tasks
    frame = found.frame if given.by == "evaluations" else statistics.by_full_trainings(found.frame, cost=given.by)
    runs = statistics.read_runs(frame)
    pd.set_option("display.width", 200, "display.max_columns", 30)

    print(statistics.summary(runs, tasks, budget=given.budget).round(3).to_string(), "\n")
    test = statistics.average_ranks(runs, given.budget)
    print(f"Friedman over {test.blocks} tasks: {test.statistic:.2f}, p = {test.p_value:.2g}; critical difference "
          f"{test.critical_difference:.2f}; not significantly different: {test.groups}\n")  # fmt: skip
    print(statistics.pairwise_wilcoxon(runs, given.budget).round(4).to_string(index=False), "\n")
    print(statistics.probability_of_improvement(runs, given.budget).round(3).to_string(index=False), "\n")

    given.out.mkdir(parents=True, exist_ok=True)
    pages = [write_comparison_report(frame, tasks, given.out / "comparison.html", failures=found.failures)]
    pages += write_comparison_tables(frame, tasks, given.out, budget=given.budget)
    if given.figures:
        for path in write_comparison_figures(frame, tasks, given.figures, budget=given.budget, formats=("svg",)):
            pages.append(path.replace(path.with_name(f"comparison-{path.name}")))
    print("\n".join(map(str, pages)))


if __name__ == "__main__":
    main()
