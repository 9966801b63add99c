"""What a predictor has learned, in numbers, frames and sentences; ``explanations.py`` is the way in."""
