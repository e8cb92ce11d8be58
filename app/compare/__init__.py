"""Versions side by side: what differs in the recipe, the results, the files and their tensors.

One of the versions is the baseline; every row says of each version how it stands to that one.
Nothing is written, and nothing of a version that the actor cannot see is told.
"""
