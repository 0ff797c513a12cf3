"""A made-up world to try the product with: people, campaigns and visits as raw files, some bad.

Other packages import `options` and `world`.
"""
