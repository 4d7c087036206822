"""The stage `video`: clips explained as one, over time."""
