"""What the server costs: one command, a file a measurement, all by the same harness.

Every rate stands next to a ceiling that was measured in the same run, in turns with it, so that
what is said is a ratio and holds on a noisy machine. `README.md` says how to run and to read it.
"""
