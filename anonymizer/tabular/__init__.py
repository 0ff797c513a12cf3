"""Suppression and audit for a table that anyone has made."""
