"""Promotions: the only way by which a version reaches a stage, and the reviews that decide it.

A promotion is `approved` while every gate passes and every approval rule is met. A review counts
only for the manifest digest, recipe digest, description and policy revision it saw. Applying
checks everything again in one transaction under the model's lock.
"""
