"""The top of the page: the answer in one sentence, then the three numbers behind it."""

import math

from surrogate_nas.experiments.main_job import METRIC_WORDS
from surrogate_nas.reports.findings import Answer, Gap, answers, gap
from surrogate_nas.reports.markup import Html, code, html, paragraph, tag
from surrogate_nas.reports.numbers import count, percent, points
from surrogate_nas.reports.run import Run

#: Metric -> what a score of so many percent means.
_ACHIEVED = {
    "accuracy": ("classifies", "the test data correctly"),
    "r2": ("explains", "the variance of the test targets"),
}


def headline(run: Run) -> Html:
    """The answer, not saying more than one run shows.

    Args:
        run: The run.
    """
    ours, luck, hand = answers(run)
    eyebrow = paragraph("surrogate_nas · report of one run", class_="eyebrow")
    if not ours.ok:
        title = tag("h1", f"{run.task}: no answer")
        words = "Every training of the network that the guided search chose has failed; see the failed trainings below."
        return html(eyebrow, title, paragraph(words, class_="lede"))
    against_luck, against_hand = gap(ours, luck), None if hand is None else gap(ours, hand)
    title = tag("h1", f"{run.task}: {percent(ours.test, ours.test_std)} test {METRIC_WORDS[run.metric]}")
    tiles = [_tile(f"Test {METRIC_WORDS[run.metric]} of the answer", percent(ours.test, ours.test_std), _seeds(ours))]
    tiles.append(_tile("Against random search", _points(against_luck), _weigh(against_luck, "Random search")))
    if against_hand is not None:
        words = _weigh(against_hand, against_hand.other.label)
        tiles.append(_tile("Against the best hand-made network", _points(against_hand), words))
    return html(
        eyebrow,
        title,
        paragraph(*_sentence(run, ours, against_luck, against_hand), class_="lede"),
        tag("div", *tiles, class_="tiles"),
        paragraph(
            "Standard errors here count the chance in training: other initial weights, same data. They do not count "
            "which random networks the search happened to begin with. One run is one draw; only many runs tell how "
            "often the guided search wins.",
            class_="note",
        ),
    )


def _sentence(run: Run, ours: Answer, luck: Gap, hand: Gap | None) -> list[object]:
    spread = "mean ± standard deviation over" if math.isfinite(ours.test_std) else "with"
    verb, what = _ACHIEVED[run.metric]
    words: list[object] = [
        f"On the new task {run.task}, the network that the guided search chose, ",
        code(ours.architecture),
        f", {verb} ",
        tag("strong", percent(ours.test, ours.test_std)),
        f" of {what} ({spread} {count(ours.seeds, 'fresh training seed')}): ",
        *_against(luck, f"random search at equal cost ({count(run.budget.trainings, 'training')} each)"),
    ]
    if hand is not None:
        words += [", and ", *_against(hand, f"the best hand-made network ({hand.other.label})")]
    return [*words, "."]


def _against(difference: Gap, other: str) -> list[object]:
    if difference.same:
        return [tag("strong", "the same network"), f" as {other}"]
    if not math.isfinite(difference.points):
        return [f"no comparison with {other}, which failed"]
    error = f" (standard error {difference.error:.2f})" if math.isfinite(difference.error) else ""
    return [tag("strong", f"{points(difference.points)} points"), f"{error} against {other}"]


def _tile(title: str, number: str, *notes: object) -> Html:
    return tag(
        "div", paragraph(title, class_="name"), paragraph(number, class_="big"), paragraph(*notes), class_="tile"
    )


def _points(difference: Gap) -> str:
    if difference.same:
        return "no difference"
    if not math.isfinite(difference.points):
        return "not known"
    error = f" ± {difference.error:.2f}" if math.isfinite(difference.error) else ""
    return f"{points(difference.points)}{error}"


def _weigh(difference: Gap, name: str) -> str:
    other = percent(difference.other.test, difference.other.test_std)
    if difference.same:
        return f"{name} is the same network: there is nothing to compare."
    if not math.isfinite(difference.points):
        return f"{name}: every training of it failed."
    if not math.isfinite(difference.error):
        return f"{name} reaches {other}. One seed gives no standard error."
    words = f"Points, ± standard error. {name} reaches {other}."
    if math.isfinite(difference.low):
        includes = difference.low <= 0 <= difference.high
        words += f" 95 % interval {points(difference.low)} to {points(difference.high)}"
        words += ": too close to call." if includes else "."
    return words


def _seeds(ours: Answer) -> str:
    if ours.seeds == 1:
        return "One fresh seed: no spread can be given."
    over = count(ours.seeds, "fresh seed")
    return f"Mean ± standard deviation over {over}. Chosen on validation: {percent(ours.val, ours.val_std)}."
