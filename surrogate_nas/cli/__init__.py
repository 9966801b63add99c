"""The command line: one file per verb, each a thin layer over the public Python names."""

from surrogate_nas.cli.app import main

__all__ = ["main"]
