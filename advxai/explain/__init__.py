"""Explanations of a picture or a clip of one's own, or of an image of the run: the stages, in memory."""
