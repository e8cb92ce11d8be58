"""Learning curves, and the trend of a metric over the versions of a model.

Points are added and never changed. What is thinned out for a chart keeps its extremes.
"""
