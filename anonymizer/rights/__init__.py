"""Requests of people: access, correction, withdrawal, erasure; and retention.

Other packages import every module.
"""
