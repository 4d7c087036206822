"""What every part of the package may use: errors, files, Parquet, randomness, the classes of a detector."""
