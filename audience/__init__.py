"""Released figures as pandas DataFrames, for analysts and notebooks.

Everything is read from the analysts' database, `published/segments.duckdb`, which holds what was
released and nothing else. Nothing here can write, and nothing here reads private data.
"""

from audience.analysis import campaign, campaigns, exports, figures, releases, segments

__all__ = ["campaign", "campaigns", "exports", "figures", "releases", "segments"]
