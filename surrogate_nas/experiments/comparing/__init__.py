"""Many searches: strategies by tasks by seeds, cell by cell."""
