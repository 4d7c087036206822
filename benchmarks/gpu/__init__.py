"""What a machine with a GPU is asked to do, in one command of a few minutes (`make gpu`)."""
