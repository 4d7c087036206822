"""Stage `detector`: build, train or import the deepfake detector, and run every forward of every stage through it."""
