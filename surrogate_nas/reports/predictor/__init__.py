"""The one-page report of a fitted predictor: its numbers, its figures, the page."""
