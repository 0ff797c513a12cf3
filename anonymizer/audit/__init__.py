"""Checks proofs, and attacks published tables as an intruder would.

Other packages import `attack`, `checker`, `findings`, `history.join`, `history.linked_suppression`,
`history.public_table`, `history.related_releases`, `intruder`, `linked_checker`, `linked_tables`,
`published_file`, `subtraction`, `summary` and `table_audit`.
"""
