"""Finds tables of whole people that fit published figures; suppression and audit use it."""
