"""Learning across tasks: what the sources teach, and a predictor that starts from it.

Read in this order: ``features`` (what of an architecture carries over), ``scores`` (tasks of all units on one scale),
``sources`` (each task denoised), ``prior`` (the Gaussian process they suggest), ``learning`` (its hyper-parameters),
``kernel`` and ``kinship`` (what a network and descriptors of tasks add), ``spaces`` (tasks measured elsewhere),
``predictor`` (all that, given scores of a new task).
"""
