"""Asset checks: a stage's account of itself is compared with what is on disk.

Other packages import `checks` and `held_days`.
"""
