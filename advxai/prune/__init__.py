"""What in the store no configuration refers to any more, and deleting it."""
