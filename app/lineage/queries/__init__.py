"""Every SELECT on lineage, data sets and impact."""
