"""Evaluations: how a ready version did on data, as somebody measured it.

Every report is kept and none is changed. Whose reports count, and which of them, is said by the
gates of a policy.
"""
