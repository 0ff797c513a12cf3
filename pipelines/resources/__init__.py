"""What steps are given: the home, its history of releases, an engine, processes."""
