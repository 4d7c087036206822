"""Damaged files of every form for the project's own readers (`make fuzz`): each is read, or refused in one line."""
