"""How close every stage comes to the detector's own batched forwards (`make bench`)."""
