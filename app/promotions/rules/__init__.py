"""Deciding about a promotion, on plain values: no session, no clock."""
