"""Errors that a user's files, data or settings can cause."""


class UserError(ValueError):
    """Base of the errors that a user can correct. The message names the file or key and says what to do.

    Tools print the message alone; every other exception is a fault of the program and shows its traceback.
    """


class ClipError(UserError):
    """A clip cannot be used. The message names the clip and says what is wrong with it."""


class StoreError(UserError):
    """A clip store cannot be read or written. The message names its path and says what to do."""


class ConfigError(UserError):
    """A config or a setting cannot be used. The message names the file or key and says what is wrong."""


class CheckpointError(UserError):
    """A checkpoint cannot be read, written or used. The message names the file and says what to do."""


class LogError(UserError):
    """The log of a run cannot be used. The message names the file and says what is wrong."""


class ReportError(UserError):
    """Results, features or predictions cannot be used. The message names the file and says what to do."""


class NonFiniteError(UserError):
    """Training met NaN or infinity. The message names the step and its clips."""


class OutputExistsError(UserError, FileExistsError):
    """An output exists already and is not to be replaced. The message names it."""


def check_at_least(minimum: float, owner: object, **values: float) -> None:
    """Refuses settings that are too small.

    Args:
        minimum: Smallest value of each.
        owner: What is set, for the message.
        **values: Key to value.

    Raises:
        ConfigError: If one is smaller; the message names key and value.
    """
    for key, value in values.items():
        if not value >= minimum:
            raise ConfigError(f'{type(owner).__name__}: {key}={value} is too small: set it to {minimum} or more.')
