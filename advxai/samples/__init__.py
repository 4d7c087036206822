"""A list of images, real and fake, explained as one target: overlays, a gallery page, a table of outcomes."""
