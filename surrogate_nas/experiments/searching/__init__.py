"""One search: the loop, its log, its account and its result."""
