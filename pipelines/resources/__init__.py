"""What steps are given: the home, its history of releases, an engine, processes.

Other packages import every module.
"""
