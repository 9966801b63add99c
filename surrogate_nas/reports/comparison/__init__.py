"""Reports of a comparison of strategies: a page to explore it, figures and tables for papers."""
