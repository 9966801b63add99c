"""Published algorithms and the default one, as compositions of strategies, predictors and what other tasks know."""
