"""The officer's page: results that come from private counts, in a process of their own."""
