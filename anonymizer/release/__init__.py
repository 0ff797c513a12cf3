"""What passes the checker is published once, and recorded in the ledger.

Other packages import `acceptances`, `chain`, `corrections`, `earlier_releases`, `gate`,
`key_change`, `ledger`, `near_state`, `public_ledger`, `publication`, `release`,
`segment_decisions`, `settings` and `settings_change`.
"""
