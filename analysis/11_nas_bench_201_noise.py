"""What NAS-Bench-201 says about its own scores: what transfers, what short trainings tell, and what is noise.

    SURROGATE_NAS_DATA=folder python analysis/11_nas_bench_201_noise.py

Protocol: all 15,625 rows of `nas-bench-201.parquet` in the folder that SURROGATE_NAS_DATA names. Rank
correlations are Kendall's tau-b and Spearman's rho over all rows and over the best 10% and 1% by the score one would
choose by. CIFAR-10's test scores come from another training than its validation scores (with the
validation images added); for the other two tasks both come from the same training.

Twins are rows with the same canonical form: the same network, written in two ways and trained separately. What their
scores differ by is noise that no predictor can foresee which sees only the network. Its size is the standard deviation
within classes of twins, pooled over all classes, and, since a few trainings fail, the same from the median difference
of two twins (robust: that of a normal distribution with this median). Twins are drawn at random, one pair per class,
10 times; figures are means +- standard deviations over the draws. Their tau is what one training says about another; a
predictor may know better, up to the ceiling: tau with the network's mean, which follows from it for normal noise. Most
is told for the 9,445 rows without dead edges (every operation is on a path from input to output), on which predictors
are compared here. Points are points of accuracy. A score that lies between the steps that one image makes is a mean of
several trainings; "of" says of how many (? = rounded more coarsely than that), and the noise of one training is larger
by the square root.
"""

import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from surrogate_nas import get_space
from surrogate_nas.core.statistics import kendall_tau, spearman

Scores = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

TASKS = ("cifar10", "cifar100", "imagenet16-120")
SHORT, LONG = "cifar10-val-12ep", "cifar10-val-200ep"
COLUMNS = tuple(f"{task}-{split}-12ep" for task in TASKS for split in ("val", "test")) + (LONG,)
DRAWS, TOP, SIBLINGS = 10, 100, 4
#: Networks among the 9,445 rows without dead edges, as others count them.
DISTINCT = (9_445, 5_425)
#: Images that a score was measured on, by the beginning of its name.
IMAGES = {"cifar10-val": 25_000, "cifar10-test": 10_000, "cifar100": 5_000, "imagenet16-120": 3_000}
#: Turns the median of |difference of two normal values| into their standard deviation.
ROBUST = 1 / (np.sqrt(2) * 0.674490)


def main() -> None:
    """Measure and print."""
    folder = os.environ.get("SURROGATE_NAS_DATA")
    if not folder:
        sys.exit("expected SURROGATE_NAS_DATA to name the folder with nas-bench-201.parquet; set it")
    frame = pd.read_parquet(Path(folder) / "nas-bench-201.parquet")
    space = get_space("nas-bench-201")
    X = space.parse(list(frame.index))
    scores = {name: frame[name].to_numpy(dtype=np.float64) for name in COLUMNS}
    tasks(scores)
    schedules(scores[SHORT], scores[LONG])
    none = np.array([op.kind == "none" for op in space.operations])
    whole = (space.live(X) == ~none[X]).all(axis=1)
    networks, texts = (
        np.unique(k, return_inverse=True)[1] for k in (space.canonical_index(X), space.unique_strings(X))
    )
    found = int(whole.sum()), len(np.unique(networks[whole]))
    if found != DISTINCT:
        sys.exit(f"expected {DISTINCT} rows and networks without dead edges, got {found}; is it the published table?")
    duplicates({"in all": (networks, texts), "without dead edges": (networks[whole], texts[whole])})
    for what, chosen in (("no dead edges", whole), ("all rows", np.ones_like(whole))):
        twins(what, {name: y[chosen] for name, y in scores.items()}, networks[chosen])
    shared({name: y[whole] for name, y in scores.items()}, networks[whole])


def tasks(scores: dict[str, Scores]) -> None:
    """What an order on one task says about another."""
    print("1. Between tasks, 12 epochs: rows chosen by the first score, judged by the second")
    print(f"{'':<40}{'all rows':>15}{'best 10%':>15}{'best 1%':>15}{'its best 1%':>13}{'regret of':>12}")
    print(f"{'':<40}" + f"{'tau   rho':>15}" * 3 + f"{'shared':>13}{'its best':>12}")
    pairs = [(a, split, b, split) for split in ("val", "test") for a in TASKS for b in TASKS if a != b]
    across = []
    for source, split, target, judge in [*pairs, *((task, "val", task, "test") for task in TASKS)]:
        x, y = scores[f"{source}-{split}-12ep"], scores[f"{target}-{judge}-12ep"]
        taus, rhos = zip(*(rank_correlations(x, y, share) for share in (1.0, 0.1, 0.01)), strict=True)
        kept = np.isin(best(x, 0.01), best(y, 0.01)).mean()
        numbers = "".join(f"{tau:9.3f}{rho:6.2f}" for tau, rho in zip(taus, rhos, strict=True))
        name = f"{source} {split} -> {target} {judge}"
        print(f"{name:<40}{numbers}{kept:13.0%}{y.max() - y[x.argmax()]:12.2f}")
        if source != target:
            across.append([*taus, kept])
    means = np.mean(across, axis=0)
    print(
        f"=> another task orders all rows with tau {means[0]:.2f}, its best 10% with {means[1]:.2f}, its best 1% with "
        f"{means[2]:.2f}; {means[3]:.0%} of its best 1% are among the best 1% here (mean of {len(across)} pairs).\n"
    )


def schedules(short: Scores, long: Scores) -> None:
    """What 12 epochs say about 200."""
    print(f"2. Between schedules: {SHORT} -> {LONG}")
    for share in (1.0, 0.1, 0.01):
        tau, rho = rank_correlations(short, long, share)
        print(f"  best {share:>4.0%} by 12 epochs: tau {tau:.3f}, rho {rho:.3f}")
    order, top = np.argsort(-short, kind="stable"), best(long, TOP / len(long))
    ranked = -np.sort(-long)
    print(f"  {'first k by 12 epochs':<22}{'of the true':>13}{'':>10}{'regret of':>13}")
    print(f"  {'':<22}{f'top {TOP}':>13}{'by luck':>10}{'the best':>13}{'by luck':>10}")
    shares, regrets = {}, {}
    for k in (1, 10, 100, 300, 1000, 3000):
        shares[k] = np.isin(top, order[:k]).mean()
        regrets[k] = ranked[0] - long[order[:k]].max()
        # The best of k rows drawn without repetition is the j-th best where the better ones all stay outside.
        place = np.arange(len(long))
        outside = np.cumprod((len(long) - k - place) / (len(long) - place))
        luck = ranked[0] - np.diff(1 - outside, prepend=0) @ ranked
        print(f"  {k:<22,}{shares[k]:>13.0%}{k / len(long):>10.1%}{regrets[k]:>13.2f}{luck:>10.2f}")
    print(
        f"=> the best row by 12 epochs is {regrets[1]:.2f} points from the best after 200; of the true top {TOP}, "
        f"{shares[100]:.0%} are among the first 100 by 12 epochs and {shares[1000]:.0%} among the first 1,000.\n"
    )


def duplicates(kinds: dict[str, tuple[Classes, Classes]]) -> None:
    """How many rows mean the same network."""
    print("3. Duplicates: rows whose canonical form is that of another row")
    starts = (1, 2, 3, 5, 9, 33)
    labels = ("1", "2", "3-4", "5-8", "9-32", "33+")
    print(f"{'':<40}{'with':>22}{'largest':>9}{'rows in classes of ... rows':>36}")
    print(f"{'':<40}{'classes':>9}{'a twin':>13}{'class':>9}" + "".join(f"{label:>8}" for label in labels))
    shares = []
    for what, pair in kinds.items():
        for by, classes in zip(("network", "its string"), pair, strict=True):
            sizes = np.unique(classes, return_counts=True)[1]
            rows = np.bincount(np.searchsorted(starts, sizes, side="right") - 1, sizes, len(starts))
            shares.append(1 - rows[0] / len(classes))
            name = f"{len(classes):,} {what}, by {by}"
            cells = "".join(f"{int(n):8,}" for n in rows)
            print(f"{name:<40}{len(sizes):9,}{shares[-1]:13.1%}{sizes.max():9,}{cells}")
    print(
        f"=> {shares[0]:.0%} of all rows and {shares[2]:.0%} of those without dead edges have a twin; by the "
        f"benchmark's own strings {shares[1]:.0%} and {shares[3]:.0%}.\n"
    )


def twins(what: str, scores: dict[str, Scores], classes: Classes) -> None:
    """How much twins differ."""
    _, classes, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    several = sizes[classes] > 1
    print(
        f"4. Noise that twins reveal, {what}: {several.sum():,} rows in {(sizes > 1).sum():,} classes of two and more"
    )
    print(f"{'':<28}{'spread of rows':>28}{'within classes':>16}{'sd by quarter of mean score':>30}{'tau between':>15}")
    print(
        f"{'':<25}{'of':<3}{'sd':>8}{'5-95%':>8}{'best 10%':>12}{'sd':>8}{'robust':>8}{'lowest':>9}{'highest':>21}"
        f"{'twins':>15}{'ceiling':>9}"
    )
    drawn = [pairs(classes, np.random.default_rng(seed)) for seed in range(DRAWS)]
    taus, relative = {}, {}
    for name, y in scores.items():
        mean = (np.bincount(classes, y) / sizes)[classes]
        quarter = np.searchsorted(np.quantile(mean[several], (0.25, 0.5, 0.75)), mean, side="right")
        by_level = [within(y[chosen], classes[chosen]) for chosen in (several & (quarter == q) for q in range(4))]
        robust = np.mean([np.median(abs(y[a] - y[b])) for a, b in drawn]) * ROBUST
        found = np.array([kendall_tau(y[a], y[b]) for a, b in drawn])
        span, noise = np.diff(np.quantile(y, (0.05, 0.95))).item(), within(y, classes)
        taus[name], relative[name] = found.mean(), noise / span
        print(
            f"{name:<25}{averaged(name, y) or '?':<3}{y.std():8.2f}{span:8.2f}{y[best(y, 0.1)].std():12.2f}"
            f"{noise:8.2f}{robust:8.2f}  "
            + "".join(f"{sd:7.2f}" for sd in by_level)
            + f"{f'{taus[name]:.3f} +- {found.std(ddof=1):.3f}':>17}{ceiling(taus[name]):7.3f}"
        )
    means = [siblings(scores[name], classes, sizes) for name in (SHORT, LONG)]
    print(
        f"=> two rows of one network agree with tau {taus[SHORT]:.2f} after 12 epochs and {taus[LONG]:.2f} after "
        f"200 (CIFAR-10 validation); their noise is {relative[SHORT]:.1%} and {relative[LONG]:.1%} of the 5-95% span. "
        f"A predictor that knew each network's mean would reach about {ceiling(taus[SHORT]):.2f} and "
        f"{ceiling(taus[LONG]):.2f}; the mean of all other twins reaches {means[0]:.2f} and {means[1]:.2f} in "
        f"classes of {SIBLINGS} and more.\n"
    )


def siblings(y: Scores, classes: Classes, sizes: Classes) -> float:
    """Kendall's tau between one row of each large class and the mean of the others; mean over the draws."""
    found = []
    for seed in range(DRAWS):
        one, _ = pairs(classes, np.random.default_rng(seed))
        one = one[sizes[classes[one]] >= SIBLINGS]
        others = (np.bincount(classes, y)[classes[one]] - y[one]) / (sizes[classes[one]] - 1)
        found.append(kendall_tau(others, y[one]))
    return float(np.mean(found))


def shared(scores: dict[str, Scores], classes: Classes) -> None:
    """Whether what is noise in one column is also in another."""
    _, classes, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    print("5. Is it the same noise? Correlation of rows' deviations from the mean of their class, no dead edges")
    rng = np.random.default_rng(0)
    columns = [(SHORT, LONG), ("cifar10-test-12ep", LONG), (SHORT, "cifar10-test-12ep")]
    columns += [(f"{task}-val-12ep", f"{task}-test-12ep") for task in TASKS[1:]]
    columns += [(SHORT, f"{task}-val-12ep") for task in TASKS[1:]]
    several = np.flatnonzero(sizes[classes] > 1)
    print(f"{'':<52}{'Pearson':>9}{'rho':>8}{'rho by luck':>18}")
    found = {}
    for a, b in columns:
        x, y = (deviations(scores[name], classes)[several] for name in (a, b))
        shuffled = [spearman(x, y[order(classes[several], rng)]) for _ in range(DRAWS)]
        found[a, b] = np.corrcoef(x, y)[0, 1]
        luck = f"{np.mean(shuffled):.3f} +- {np.std(shuffled, ddof=1):.3f}"
        print(f"{f'{a} and {b}':<52}{found[a, b]:9.3f}{spearman(x, y):8.3f}{luck:>18}")
    noise = [within(scores[name], classes) for name in (SHORT, LONG)]
    several_trainings = averaged(SHORT, scores[SHORT]) or 1
    same = [found[f"{task}-val-12ep", f"{task}-test-12ep"] ** 2 for task in TASKS[1:]]
    print(
        f"=> the noise after 12 epochs ({noise[0]:.2f} points in a mean of {several_trainings}) explains "
        f"{found[SHORT, LONG] ** 2:.1%} of the variance of that after 200 ({noise[1]:.2f} points): another training, "
        f"another deviation. The validation and test scores of one training share {same[0]:.0%} of it on CIFAR-100 and "
        f"{same[1]:.0%} on ImageNet16-120; the rest is which images are asked."
    )


# Statistics.


def best(y: Scores, share: float) -> Classes:
    """Rows of the best share by a score; ties in table order."""
    return np.argsort(-y, kind="stable")[: round(share * len(y))]


def averaged(name: str, y: Scores) -> int | None:
    """How many trainings a score is the mean of, by the steps between its values; None where rounding hides it."""
    images = next(n for beginning, n in IMAGES.items() if name.startswith(beginning))
    if images > 10_000 and np.allclose(y * 100, np.round(y * 100), rtol=0, atol=0.05):
        return None
    return next(
        (k for k in (1, 2, 3) if np.allclose(steps := y * images * k / 100, np.round(steps), rtol=0, atol=0.05)), None
    )


def rank_correlations(x: Scores, y: Scores, share: float) -> tuple[float, float]:
    """Kendall's tau-b and Spearman's rho over the best share of rows by ``x``."""
    rows = best(x, share)
    return kendall_tau(x[rows], y[rows]), spearman(x[rows], y[rows])


def deviations(y: Scores, classes: Classes) -> Scores:
    """What is left of each row without the mean of its class."""
    return y - (np.bincount(classes, y) / np.maximum(np.bincount(classes), 1))[classes]


def within(y: Scores, classes: Classes) -> float:
    """Standard deviation within classes, pooled."""
    freedom = len(y) - len(np.unique(classes))
    return float(np.sqrt((deviations(y, classes) ** 2).sum() / freedom))


def pairs(classes: Classes, rng: np.random.Generator) -> tuple[Classes, Classes]:
    """Two different rows of each class that has as many."""
    shuffled = order(np.zeros_like(classes), rng)
    ranked = shuffled[np.argsort(classes[shuffled], kind="stable")]
    _, first, sizes = np.unique(classes[ranked], return_index=True, return_counts=True)
    first = first[sizes > 1]
    return ranked[first], ranked[first + 1]


def order(classes: Classes, rng: np.random.Generator) -> Classes:
    """Positions shuffled within each class."""
    out = np.empty(len(classes), dtype=np.int64)
    out[np.argsort(classes, kind="stable")] = np.lexsort((rng.random(len(classes)), classes))
    return out


def ceiling(tau: float) -> float:
    """Kendall's tau between a quantity and one noisy measurement of it, from that of two such measurements.

    For normal values tau = 2/pi asin(r), and the correlation of one measurement with what it measures is the square
    root of that of two.
    """
    between = np.sin(np.pi / 2 * tau)
    return float(2 / np.pi * np.arcsin(np.sqrt(between)))


if __name__ == "__main__":
    main()
