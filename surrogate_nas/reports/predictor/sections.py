"""The sections of a predictor's page: from its numbers to what stands under each heading."""

import math
import platform
from importlib.metadata import version

import numpy as np

from surrogate_nas import __version__
from surrogate_nas.predictors.explaining.held_out import ENOUGH
from surrogate_nas.predictors.explaining.wording import lines
from surrogate_nas.reports.markup import Html, bar, code, facts, figure, html, paragraph, table, tag
from surrogate_nas.reports.numbers import NBSP, count
from surrogate_nas.reports.predictor import figures
from surrogate_nas.reports.predictor.findings import LEVEL, PredictorFindings

#: Sentences on the page, and features of the trees.
SENTENCES, FEATURES = 6, 8

#: Libraries whose versions the numbers depend on.
LIBRARIES = ("numpy", "scikit-learn", "scipy", "xgboost")

_NONE = "No measurements were given to this page, so it cannot say how good the predictor is."
_FEW = (
    "Too few measurements to leave some out: how good the predictor is cannot be said from these rows alone. Measure "
    f"{ENOUGH} or more, and write the page again."
)


def headline(found: PredictorFindings, title: str) -> Html:
    """The top of the page: what it is, and the three numbers that say how far to trust it."""
    out, words = found.left_out, found.wording
    first = found.best.iloc[0]
    lede: list[object] = [
        f"Fitted to {count(len(found.y), 'measured architecture')}. " if len(found.y) else "",
        f"The best predicted of {count(found.candidates, 'architecture')} of the space {found.space.name} is ",
        code(first["architecture"]),
        ", expected at ",
        tag("strong", _score(found, first["mean"])),
        f" ({LEVEL:.0%} interval {words.score(first['low'])} to {words.score(first['high'])}).",
    ]
    parts = [paragraph("surrogate_nas · report of one predictor", class_="eyebrow"), tag("h1", title)]
    parts.append(paragraph(*lede, class_="lede"))
    if out is None:
        return html(*parts, paragraph(_FEW if len(found.y) else _NONE, class_="note"))
    order = "Kendall's tau with the measured scores: 1 is the same order, 0 none. XGBoost on one-hot genes: "
    error = "Mean distance of prediction and measurement, on rows that were left out. One score for all: "
    tiles = (
        ("Order of unseen architectures", f"{out.kendall:.2f}", f"{order}{found.yardsticks[1].kendall:.2f}."),
        (
            "Typical error",
            f"{words.score(out.error)}{NBSP}{words.unit}".rstrip(),
            f"{error}{words.score(found.yardsticks[-1].error)}.",
        ),
        ("Within 80% intervals", f"{out.inside[0.8]:.0%}", "of the left-out rows; 80% would be exact."),
    )
    return html(*parts, tag("div", *(_tile(*tile) for tile in tiles), class_="tiles"))


def fitted_on(found: PredictorFindings) -> list[Html]:
    """What the predictor was fitted to."""
    y, words = found.y, found.wording
    model = [
        ("predictor", type(found.predictor).__name__),
        ("space", found.space.name),
        ("architectures in it", f"{found.space.size:,}" if found.space.size < 1e15 else f"{found.space.size:.1e}"),
        ("decisions per architecture", found.space.n_genes),
    ]
    if not len(y):
        return [
            facts(model),
            paragraph("The measurements it was fitted to were not given to this page.", class_="note"),
        ]
    networks = len({*map(bytes, found.space.canonical(found.X))})
    better = "higher is better" if words.direction == "max" else "lower is better"
    data = [
        ("measured architectures", f"{len(y):,}"),
        ("different networks among them", f"{networks:,}"),
        ("lowest, median, highest score", " · ".join(words.score(q) for q in _quantiles(found))),
        ("direction", better),
        ("side features", found.predictor.n_extra_ or "none"),
    ]
    columns = (("The measurements", data), ("The predictor", model))
    return [tag("div", *(tag("div", tag("h3", name), facts(pairs)) for name, pairs in columns), class_="columns")]


def how_good(found: PredictorFindings) -> list[Html]:
    """Predictions of left-out rows against what was measured, beside trivial ways to predict."""
    out = found.left_out
    if out is None:
        return [paragraph(_FEW if len(found.y) else _NONE)]
    parts = count(len(out.predictors), "part")
    beyond = figures.outside(out)
    caption = html(
        paragraph(
            f"The measured rows were divided into {parts} (seed {found.seed}). Each was predicted by a predictor "
            "fitted to the others, so no row here was seen by what predicts it. On the dotted diagonal it is exact."
        ),
        paragraph(f"Hollow, at the frame: {count(beyond, 'outlier')} beyond it.") if beyond else "",
    )
    body = [
        (
            y.name,
            f"{y.kendall:.3f}",
            f"{y.spearman:.3f}",
            found.wording.score(y.error) if math.isfinite(y.error) else "–",
        )
        for y in found.yardsticks
    ]
    return [
        figure(figures.agreement(out, _unit(found)), caption),
        table(("by the same parts", "Kendall's tau", "Spearman's rho", "mean error"), body, label="Comparison"),
        paragraph(
            "All measurements together train the predictor that was saved, so it should be slightly better than these "
            "figures. They hold for architectures that are drawn like the measured ones.",
            class_="note",
        ),
    ]


def how_sure(found: PredictorFindings) -> list[Html]:
    """Whether intervals hold as many scores as they say."""
    out = found.left_out
    if out is None:
        return [paragraph(_FEW if len(found.y) else _NONE)]
    told = "; ".join(f"{level:.0%}: {share:.0%}" for level, share in out.inside.items())
    caption = html(
        paragraph(f"Left-out scores within intervals of each level: {told}."),
        paragraph(
            f"Exact intervals lie on the dotted line; the grey band is what chance alone does to {len(out.y):,} rows. "
            "Below the band intervals are too narrow, above it too wide."
        ),
    )
    return [figure(figures.calibration(out), caption)]


def learned(found: PredictorFindings) -> list[Html]:
    """Main effects, importances, sentences."""
    told = found.learned
    over = f"all {count(told.rows, 'architecture')}" if told.whole else f"{told.rows:,} architectures drawn at random"
    sentences = tag("ul", *(tag("li", sentence) for sentence in told.sentences(SENTENCES)), class_="steps")
    drawn = figures.maps(told)
    caption = html(
        paragraph(
            f"Mean predicted score of those that take an option minus that of all, over {over}. Blue is better, orange "
            "worse. The pointer on a cell shows the standard error, from predictors fitted without some of the rows."
        ),
        paragraph("An option's effect includes what usually comes with it; what two do together stands above."),
    )
    parts = [sentences, *(figure(svg, caption if k == 0 else Html("")) for k, svg in enumerate(drawn))]
    words = (
        f"Each decision by itself; together single decisions explain {told.additive:.0%} of the variance, the rest is "
        "what decisions do in combination."
    )
    return [*parts, figure(figures.importance(told), paragraph(words)), *_features(found)]


def best(found: PredictorFindings) -> list[Html]:
    """The first ten with intervals and the probability of being the best."""
    words, frame = found.wording, found.best
    largest = float(frame["probability"].max())
    body = [
        (
            rank,
            words.score(row.mean),
            f"{words.score(row.low)} to {words.score(row.high)}",
            f"{row.probability:.0%}",
            bar(row.probability, largest),
            words.score(row.measured) if math.isfinite(row.measured) else "–",
            code(row.architecture),
        )
        for rank, row in enumerate(lines(frame), 1)
    ]
    headers = ("rank", "expected", f"{LEVEL:.0%} interval", "best of these", "", "measured", "architecture")
    ranked = "the whole space" if found.learned.whole else f"{found.candidates:,} architectures"
    note = (
        f"Ranked: {ranked}. “Best of these” is the probability of having the best score of those listed, predictions "
        "taken as independent. An expected best is likely to disappoint a little: it was chosen among many."
    )
    return [
        table(headers, body, left=(4, 6), label="The best predicted"),
        paragraph(note, class_="note"),
        figure(figures.changes(found.first), html(
            paragraph("The best predicted architecture, one change at a time: the best and the worst changes."),
            *(paragraph(sentence) for sentence in found.first.sentences(2)[1:]),
        )),
    ]  # fmt: skip


def reproduce(found: PredictorFindings) -> list[Html]:
    """How to make the page again, and with which versions."""
    text = (
        "import surrogate_nas as sn\n\n"
        f"predictor = sn.{type(found.predictor).__name__}(...).fit(X, y)  # or sn.load_predictor(folder)\n"
        f"sn.reports.write_predictor_report(predictor, {'report.html'!r}, X, y, random_state={found.seed})\n"
        "print(*sn.explain(predictor).sentences(), sep='\\n')"
    )
    versions = [(name, version(name)) for name in LIBRARIES]
    own = [("surrogate_nas", __version__), ("Python", platform.python_version()), *versions]
    return [tag("pre", code(text)), facts(own)]


def _features(found: PredictorFindings) -> list[Html]:
    frame = found.learned.features.head(FEATURES)
    if not len(frame):
        return []
    largest = float(frame["importance"].max())
    body = [
        (row.feature, found.wording.score(row.importance), "more is better" if _helps(found, row.trend) else
         "less is better" if _helps(found, -row.trend) else "mixed", bar(row.importance, largest))
        for row in lines(frame)
    ]  # fmt: skip
    return [
        tag("h3", "What its trees go by"),
        table(("feature", "mean contribution", "", ""), body, left=(0, 2, 3), label="Features"),
        paragraph("Mean absolute TreeSHAP contribution to the score predicted by the trees inside.", class_="note"),
    ]


def _helps(found: PredictorFindings, trend: float) -> bool:
    """Whether more of a feature clearly goes with better scores."""
    return (trend if found.wording.direction == "max" else -trend) > 0.5


def _quantiles(found: PredictorFindings) -> list[float]:
    return [float(q) for q in np.quantile(found.y, [0, 0.5, 1])]


def _unit(found: PredictorFindings) -> str:
    return "" if found.unit == "1" else found.unit


def _score(found: PredictorFindings, value: float) -> str:
    return f"{found.wording.score(value)}{NBSP}{_unit(found)}".rstrip()


def _tile(title: str, number: str, note: str) -> Html:
    return tag("div", paragraph(title, class_="name"), paragraph(number, class_="big"), paragraph(note), class_="tile")
