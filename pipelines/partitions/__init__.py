"""Which days, weeks and months there are, what has landed for them, when they can run.

Other packages import every module.
"""
