"""The measurements: each module has `measure(bench)`, which gives the sections that it found."""
