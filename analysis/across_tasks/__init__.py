"""Ways to learn across tasks that MetaPredictor does not use, small enough to read: what they would add to it."""
