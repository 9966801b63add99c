"""Contract suites, one module per noun: what every space, table, predictor or strategy has to satisfy."""
