"""Stage `corpus`: the demo's media and its FF++-shaped data set, and the listing of any FF++ root."""
