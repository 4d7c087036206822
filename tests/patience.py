"""How long tests wait for something that must happen."""

# Every time-out of the suite is what two idle cores need at most, times this, so that a busy machine fails no test.
PATIENCE = 4
