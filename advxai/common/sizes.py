"""Numbers of bytes for people."""


def human(size: float) -> str:
    """A number of bytes for people, for example 1.2 GB."""
    if size < 1000:
        return f"{size} byte{'' if size == 1 else 's'}"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"
