"""Ways to learn across tasks beside MetaPredictor's own, small enough to read: what they would add to it."""
