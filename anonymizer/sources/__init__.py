"""Sources: files that are described in sources.yaml become rows of the raw contract."""
