"""Versions: immutable, numbered builds of a model, each with its whole recipe.

Numbers are 1, 2, 3 … per model, given under the lock of the model's counter. A draft may change in
everything; once ready, its recipe and its files never do: triggers refuse it even from psql.
"""
