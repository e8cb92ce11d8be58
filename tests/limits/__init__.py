"""How often one may ask, and fail to say who one is."""
