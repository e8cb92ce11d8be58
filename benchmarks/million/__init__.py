"""A registry of a size that a company has after years: a million versions over ten thousand models,
one of which has a hundred thousand. The same seed is the same registry, row for row, so that two
products can be filled with it and asked the same questions."""
