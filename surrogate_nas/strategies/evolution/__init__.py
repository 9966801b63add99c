"""Populations, tournaments, mutants and children."""
