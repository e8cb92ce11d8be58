"""Versions side by side: what differs in the recipe, the results, the files and their tensors."""
