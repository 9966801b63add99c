"""Strategies that ask a model: any predictor with an acquisition, and ascent on one that can be differentiated."""
