"""Stage `frames`: the manifest of the face images, which of them are used, and the database that holds them."""
