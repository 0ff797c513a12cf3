"""Deliveries: what is released for an advertiser is announced and brought to its destinations.

Other packages import `delivery_changes`, `delivery_log`, `destination_catalogue` and `dispatch`.
"""
