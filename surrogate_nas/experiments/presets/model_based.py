"""Published algorithms as compositions: a predictor, an acquisition and a few numbers make each of them.

All take ``predictor=`` to put another one in place of theirs, and further options of :class:`ModelBased`.
Numbers are those that suit one to three hundred evaluations.

References:
    [mockus1975] Mockus: On Bayesian Methods for Seeking the Extremum. 1975; Jones et al., J. Global Optimization 1998.
    [white2021] White, Neiswanger, Savani: BANANAS. AAAI 2021. https://arxiv.org/abs/1910.11858
    [wei2022] Wei, Niu, Tang, Wang, Hu, Liang: NPENAS. TNNLS 2022. https://arxiv.org/abs/2003.12857
    [wu2021] Wu et al.: Stronger NAS with Weaker Predictors. NeurIPS 2021. https://arxiv.org/abs/2102.10490
    [dudziak2020] Dudziak et al.: BRP-NAS. NeurIPS 2020. https://arxiv.org/abs/2007.08668
"""

from typing import Any

from surrogate_nas import encodings, predictors  # each on first use: some bring torch, some xgboost
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.strategies import GradientAscent, ModelBased, Narrowing
from surrogate_nas.strategies.model_based.gradient import DifferentiablePredictor
from surrogate_nas.strategies.model_based.model_based import Model


def bayesian_optimization(
    space: SearchSpace, *, random_state: RandomState = None, predictor: Model | None = None, **options: Any
) -> ModelBased:
    """Gaussian process on graph features and expected improvement [mockus1975].

    Options such as ``acquisition="ucb"``, ``acquisition="thompson"`` or ``diverse=True`` make its relatives.
    """
    return _compose(space, predictor or graph_process(space), random_state, options)


def bananas(
    space: SearchSpace, *, random_state: RandomState = None, predictor: Model | None = None, **options: Any
) -> ModelBased:
    """Perceptrons on path encodings, independent Thompson sampling among mutants of the best [white2021]."""
    predictor = predictor or predictors.Predictor(space, encodings.PathEncoder(space), _perceptrons())
    return _compose(space, predictor, random_state, options, acquisition="thompson", **_BATCHES, **_MUTANTS)


def npenas(
    space: SearchSpace, *, random_state: RandomState = None, predictor: Model | None = None, **options: Any
) -> ModelBased:
    """Evolution in which a predictor sorts the children: of many mutants of the best, the best expected [wei2022]."""
    predictor = predictor or predictors.Predictor(space, encodings.StandardFeatures(space), _perceptrons())
    return _compose(space, predictor, random_state, options, acquisition="greedy", **_BATCHES, **_MUTANTS)


def weaknas(
    space: SearchSpace, *, random_state: RandomState = None, predictor: Model | None = None, **options: Any
) -> ModelBased:
    """Weak predictors, one after the other, each choosing from fewer of the best expected [wu2021]."""
    trees = predictors.BoostedTrees(n_estimators=50)
    predictor = predictor or predictors.Predictor(space, encodings.OneHotEncoder(space), trees)
    return _compose(space, predictor, random_state, options, acquisition=Narrowing(), pool_size=5000, **_BATCHES)


def brp_nas(
    space: SearchSpace, *, random_state: RandomState = None, predictor: Model | None = None, **options: Any
) -> ModelBased:
    """A predictor of which of two is better; the best expected, and random others for its sake [dudziak2020]."""
    trees = predictors.BoostedTrees(n_estimators=50, objective="pairwise")
    predictor = predictor or predictors.Predictor(space, encodings.StandardFeatures(space), trees)
    return _compose(space, predictor, random_state, options, acquisition="greedy", random_share=0.25, **_BATCHES)


def graph_process(space: SearchSpace) -> predictors.Predictor:
    """Gaussian process on graph features: in a search as good as AutoPredictor, at a tenth of its cost."""
    features = encodings.StandardFeatures(space)
    return predictors.Predictor(space, features, predictors.GaussianProcess(groups=features.groups, standardize=False))


#: Networks and trees cost more to fit than a process: so they are fitted less often.
_BATCHES: dict[str, Any] = {"refit_every": 10, "growth": 0.2}
_MUTANTS: dict[str, Any] = {"pool_size": 300, "mutants": 1.0}


def _perceptrons() -> Any:
    return predictors.MLPEnsemble(n_models=5, hidden=32, epochs=60)


def gradient_ascent(
    space: SearchSpace,
    *,
    random_state: RandomState = None,
    predictor: DifferentiablePredictor | None = None,
    **options: Any,
) -> GradientAscent:
    """Perceptrons on relaxed genes, climbed from the best seen, after NAO: Luo et al., NeurIPS 2018, arXiv:1808.07233.

    Options are those of :class:`GradientAscent`.
    """
    predictor = predictor or predictors.RelaxedPredictor(space)
    return GradientAscent(space, predictor=predictor, random_state=random_state, **options)


def _compose(
    space: SearchSpace, predictor: Model, random_state: RandomState, options: dict[str, Any], **defaults: Any
) -> ModelBased:
    return ModelBased(space, predictor=predictor, random_state=random_state, **(defaults | options))
