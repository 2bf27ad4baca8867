"""What a number depends on."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

# Two results that differ only in these can stand in one column: they say whose number it is, not how it was measured.
_IDENTITY = ('method', 'weights', 'modalities', 'chosen', 'pretraining_seeds', 'folds', 'seeds', 'versions')


@dataclass(frozen=True)
class ProtocolCard:
    """How a result was measured. Two results compare if their cards are alike.

    Args:
        method: Of pre-training, such as ``CMD``.
        weights: SHA-256 of the evaluated backbone's weights, or of several backbones'.
        modalities: Modalities whose backbones were evaluated together, mostly one.
        dataset: Name of the data set.
        train_split: SHA-256 of the names of the training clips.
        test_split: SHA-256 of the names of the test clips.
        num_frames: Frames of a view.
        train_crop: The views that were trained on, or of the gallery.
        test_crop: The views that were tested on.
        start: What training began from, ``pre-trained`` or ``random``.
        trained: What was trained: ``nothing``, ``classifier`` or ``all``.
        batch_size: Of training; None if nothing was trained.
        features: What was done to the features before they were compared or classified.
        schedule: Optimizer, learning rate and epochs; empty if nothing was trained.
        chosen: What the schedule left to be chosen on held-out training clips, with their accuracies in percent.
        labels: Which training labels were used, such as ``10 %, random draw``.
        draws: SHA-256 of the clip names of each draw of labels; empty if all were used.
        k: Neighbours that vote; None if there is no vote.
        fusion: How the modalities' scores were put together; empty for one modality.
        seeds: Of the runs.
        pretraining_seeds: Of the checkpoints that a report of several is over; empty in the report of one.
        folds: Of the set, where a report is over several; empty in the report of one.
        versions: Of mmskelssl, torch and Python.
    """

    method: str
    weights: str
    modalities: list[str]
    dataset: str
    train_split: str
    test_split: str
    num_frames: int
    train_crop: str
    test_crop: str
    start: str = 'pre-trained'
    trained: str = 'nothing'
    batch_size: int | None = None
    features: str = 'as they are'
    schedule: dict = field(default_factory=dict)
    chosen: dict = field(default_factory=dict)
    labels: str = 'all'
    draws: list[str] = field(default_factory=list)
    k: int | None = None
    fusion: str = ''
    seeds: list[int] = field(default_factory=list)
    pretraining_seeds: list[int] = field(default_factory=list)
    folds: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def unlike(self, other: ProtocolCard) -> list[str]:
        """Names of the fields that keep the two results from being compared; empty if they compare."""
        return [name for name in self.differences(other) if name not in _IDENTITY]

    def differences(self, other: ProtocolCard) -> list[str]:
        """Names of all fields that differ."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]
