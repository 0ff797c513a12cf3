"""What a run does: takes days in, counts them, publishes periods, and keeps a journal.

Other packages import `accounts`, `days_in_advance`, `evidence`, `expiry`, `figures`,
`finished_days`, `flow`, `implausible_days`, `intake_stage`, `journal`, `objection_report`,
`period_release`, `plausibility_gate` and `stages`.
"""
