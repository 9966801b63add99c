"""Data learned from, the new task, the budget, and how choices were made."""

from surrogate_nas.reports.markup import Html, bar, code, facts, html, paragraph, table, tag
from surrogate_nas.reports.numbers import count
from surrogate_nas.reports.run import Run

#: Descriptor of a data set -> its words and its number format.
_WORDS = {
    "nodes": ("nodes", ",.0f"),
    "edges": ("directed edges", ",.0f"),
    "features": ("features per node", ",.0f"),
    "classes": ("classes", ",.0f"),
    "mean_degree": ("edges per node", ".2f"),
    "homophily": ("edges within one class", ".1%"),
    "label_rate": ("nodes with a training label", ".1%"),
    "samples": ("samples", ",.0f"),
    "train_samples": ("samples to train on", ",.0f"),
    "channels": ("channels", ",.0f"),
    "height": ("height", ",.0f"),
    "width": ("width, length or columns", ",.0f"),
    "resplits": ("resplits averaged over", ",.0f"),
}


def method(run: Run) -> list[Html]:
    """Write the section.

    Args:
        run: The run.
    """
    steps = [tag("li", tag("strong", name), " ", html(*words)) for name, *words in _steps(run)]
    learned = [_sources(run)] if run.learned_from else []
    return [tag("ol", *steps, class_="steps"), tag("div", _new_task(run), *learned, class_="columns")]


def _steps(run: Run) -> list[tuple[object, ...]]:
    budget, tasks = run.budget, run.learned_from
    new = "one of which has the new one's name" if run.task in tasks else "none of them the new one"
    past = (
        f"A predictor learns from {sum(tasks.values()):,} results of earlier trainings on "
        f"{count(len(tasks), 'task')}, {new}."
        if tasks
        else "No earlier trainings of such networks were known: predictors learn from the new task alone."
    )
    further, seeds = count(budget.further, "network"), count(budget.seeds, "fresh seed")
    return [
        ("Learn.", past),
        (
            "Start.",
            f"Trained on the new task, one seed each: {count(budget.support, 'random network')}, shared by both arms.",
        ),
        (
            "Search.",
            f"The guided arm trains {further} in {count(budget.rounds, 'round')}: before each, prediction is adapted "
            "to what the arm has trained so far and proposes what to train next (strategy ",
            code(run.config.get("strategy", "")),
            f"). The random arm trains {further} more at random.",
        ),
        (
            "Confirm.",
            f"Each arm names {count(budget.finalists, 'finalist')} among what it trained: the guided arm by validation "
            "score and prediction, the random arm by validation score. Each is trained again with "
            f"{seeds}, and so is every hand-made network.",
        ),
        (
            "Choose.",
            "The finalist with the best mean validation score is the arm's answer. The best hand-made network is "
            "chosen in the same way.",
        ),
        ("Report.", "Only then is the test score looked at. It was used for no choice."),
    ]


def _new_task(run: Run) -> Html:
    data = [(words, format(run.data[key], form)) for key, (words, form) in _WORDS.items() if key in run.data]
    space = f"Networks come from the space {run.space} of {count(run.space_size, 'architecture')}."
    return tag("div", tag("h3", f"The new task: {run.task}"), facts(data), paragraph(space, class_="note"))


def _sources(run: Run) -> Html:
    largest = max(run.learned_from.values(), default=0)
    rows = [(task, f"{n:,}", bar(n, largest)) for task, n in run.learned_from.items()]
    return tag(
        "div",
        tag("h3", "Learned from"),
        table(("task", "results", ""), rows, left=(0, 2), label="Tasks learned from"),
        paragraph(
            "From the table ", code(run.config.get("table", "")), ": architectures with their validation scores.",
            class_="note",
        ),
    )  # fmt: skip
