"""Strategies that decide for how long each architecture is trained."""
