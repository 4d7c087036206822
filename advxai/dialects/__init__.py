"""Room `dialects`: what a detector's file is, told by its form and its tensors' names; without torch."""
