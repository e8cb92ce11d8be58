"""Documentation that writes itself: the card of a version, and the changelog of a model.

The same facts give the same bytes, so that both can be committed and compared.
"""
