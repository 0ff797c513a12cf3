"""Finds tables of whole people that fit published figures; suppression and audit use it.

Other packages import `blocks`, `bounds`, `class_witnesses`, `classes`, `different_rows`,
`elimination`, `ends`, `fractional_tables`, `neighbouring_tables`, `programs`,
`proportional_fitting`, `repair`, `requirements`, `search_limits`, `solver`, `start`, `system`,
`totals` and `work`.
"""
