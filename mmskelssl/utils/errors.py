"""The errors that a user's data and files can cause."""


class ClipError(ValueError):
    """One clip is unusable. The message names the clip and says what is wrong with it."""


class ConfigError(ValueError):
    """A config cannot be used. The message names the file or key and says what to do."""


class StoreError(ValueError):
    """A clip store cannot be read or written. The message names the path and says what to do."""


class CheckpointError(ValueError):
    """A checkpoint cannot be loaded. The message names the file and says what to do."""


class ReportError(ValueError):
    """Results, features or predictions cannot be used. The message names the file and says what to do."""


class NonFiniteError(ValueError):
    """Training met NaN or infinity. The message says where, and names the report and the reproducer."""
