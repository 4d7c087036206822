"""The one exception that means: the user can mend this."""


class InputError(Exception):
    """Bad input. The message is one sentence that names the file or key, what is wrong and what to do."""
