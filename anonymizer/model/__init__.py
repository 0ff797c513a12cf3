"""What everything speaks of: periods, dimensions, segments, tables, the policy, errors.

Other packages import every module.
"""
