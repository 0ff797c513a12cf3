"""Requests of people: access, correction, withdrawal, erasure; and retention."""
