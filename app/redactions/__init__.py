"""Redaction: removing a secret that somebody pasted, for good and everywhere, without a lie.

An admin names the text and a reason. Wherever it stands, in events and in rows that are otherwise
frozen, a marker takes its place; digests that covered it stay, and say so. PostgreSQL lets nothing
else change: the guards compare each row before and after.
"""
