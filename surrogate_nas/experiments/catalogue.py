"""Every strategy by name, for the command line and for comparisons; the one place where a name becomes a strategy."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from inspect import get_annotations, signature
from typing import Any, get_args

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.errors import choose
from surrogate_nas.core.random import RandomState
from surrogate_nas.experiments.objectives.base import check_space
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.strategies import Strategy
from surrogate_nas.strategies.kinds import check_kinds

#: Module (below this package) and name of each strategy's class or preset.
_HOMES = {
    "default": ("experiments.presets.default", "default_strategy"),
    "random": ("strategies.random", "RandomSearch"),
    "exhaustive": ("strategies.exhaustive", "Exhaustive"),
    "local-search": ("strategies.local", "LocalSearch"),
    "regularized-evolution": ("strategies.evolution.regularized", "RegularizedEvolution"),
    "steady-state-evolution": ("strategies.evolution.steady_state", "SteadyStateEvolution"),
    "genetic-algorithm": ("strategies.evolution.genetic", "GeneticAlgorithm"),
    "simulated-annealing": ("strategies.annealing", "SimulatedAnnealing"),
    "reinforce": ("strategies.reinforcement.reinforce", "Reinforce"),
    "successive-halving": ("strategies.multi_fidelity.halving", "SuccessiveHalving"),
    "hyperband": ("strategies.multi_fidelity.hyperband", "Hyperband"),
    "asha": ("strategies.multi_fidelity.asha", "ASHA"),
    "bohb": ("strategies.multi_fidelity.bohb", "BOHB"),
    "learning-curve": ("strategies.multi_fidelity.learning_curve", "LearningCurveStopping"),
    "nsga2": ("strategies.multi_objective.nsga2", "NSGA2"),
    "ehvi": ("experiments.presets.multi_objective", "ehvi"),
    "parego": ("experiments.presets.multi_objective", "parego"),
    "scalarized-evolution": ("experiments.presets.multi_objective", "scalarized_evolution"),
    "constrained-evolution": ("experiments.presets.multi_objective", "constrained_evolution"),
    "bayesian-optimization": ("experiments.presets.model_based", "bayesian_optimization"),
    "bananas": ("experiments.presets.model_based", "bananas"),
    "npenas": ("experiments.presets.model_based", "npenas"),
    "weaknas": ("experiments.presets.model_based", "weaknas"),
    "brp-nas": ("experiments.presets.model_based", "brp_nas"),
    "monte-carlo-tree-search": ("strategies.reinforcement.tree_search", "MonteCarloTreeSearch"),
    "gradient-ascent": ("experiments.presets.model_based", "gradient_ascent"),
    "library-search": ("experiments.presets.transfer", "library_search"),
    "warm-evolution": ("experiments.presets.transfer", "warm_evolution"),
    "source-ensemble": ("experiments.presets.transfer", "source_ensemble"),
    "hybrid": ("strategies.reinforcement.hybrid", "HybridSearch"),
}

#: Parameters that are not options: what makes a strategy hands them over.
GIVEN = ("space", "random_state", "sources")


def list_strategies() -> list[str]:
    """Names that :func:`make_strategy` knows."""
    return list(_HOMES)


def make_strategy(
    name: str,
    space: SearchSpace,
    *,
    random_state: RandomState = None,
    sources: Mapping[str, Any] | None = None,
    **options: Any,
) -> Strategy:
    """Make a strategy by its name.

    Args:
        name: One of :func:`list_strategies`.
        space: Where the architectures come from.
        random_state: Seed of every random choice.
        sources: Other tasks, as in ``MetaPredictor.fit``; for the strategies that learn from them.
        **options: Further parameters of the strategy.

    Raises:
        UnknownNameError: There is no such strategy.
        InvalidInputError: The strategy has no such parameter.
    """
    check_space(space)
    factory = factory_of(name, options)
    annotations = _annotations(factory)
    check_kinds(f"strategy {name!r}", {n: annotations[n] for n in options}, options)
    learned = {"sources": sources} if "sources" in signature(factory).parameters else {}
    strategy: Strategy = factory(space, random_state=random_state, **learned, **options)
    return strategy


def factory_of(name: str, options: Iterable[str] = ()) -> Callable[..., Strategy]:
    """The class or preset behind a name.

    Args:
        name: One of :func:`list_strategies`.
        options: Names of parameters that it should have.

    Raises:
        UnknownNameError: There is no such strategy.
        InvalidInputError: The strategy has no such parameter.
    """
    module, attribute = choose("strategy", name, _HOMES)
    factory: Callable[..., Strategy] = getattr(import_module(f"surrogate_nas.{module}"), attribute)
    known = [option for option in _annotations(factory) if option not in GIVEN]
    unknown = [option for option in options if option not in known]
    if unknown:
        near = get_close_matches(str(unknown[0]), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        choices = ", ".join(known) or "none"
        raise InvalidInputError(f"strategy {name!r}: unknown option {unknown[0]!r}; it has {choices}{hint}")
    return factory


def _annotations(factory: Callable[..., Any]) -> dict[str, Any]:
    """Parameters of a strategy with their annotations, and of what a preset hands its options on to."""
    found = {n: p.annotation for n, p in signature(factory).parameters.items()}
    if "options" in found:  # handed on to what the preset says, else to what it returns
        annotations = get_annotations(factory)
        taker = (annotations["return"], *get_args(annotations["options"]))[-1]
        del found["options"]
        found |= {n: p.annotation for n, p in signature(taker).parameters.items() if n not in found}
    return found
