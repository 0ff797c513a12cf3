"""Deliveries: what is released for an advertiser is announced and brought to its destinations."""
