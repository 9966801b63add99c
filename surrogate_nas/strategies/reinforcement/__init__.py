"""Policies that are rewarded: a controller, a tree, and evolution whose edits are learned."""
