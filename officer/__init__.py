"""The officer's page: results that come from private counts, in a process of their own.

Other packages import `officer_decisions`, `officer_sessions`, `officer_site` and `stored_trials`.
"""
