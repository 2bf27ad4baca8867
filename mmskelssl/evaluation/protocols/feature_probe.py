"""The linear protocol on features that are computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmengine.config import Config
from mmengine.device import get_device

from mmskelssl.evaluation.functional import LinearRecipe, topk_accuracy, train_linear_probes
from mmskelssl.evaluation.protocols.base import Measurement
from mmskelssl.evaluation.protocols.trained_classifier import TrainedClassifier
from mmskelssl.evaluation.results import ProtocolCard
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.errors import ConfigError


@PROTOCOLS.register_module()
class FeatureProbe(TrainedClassifier):
    """Linear classifiers by the recipe of a config, trained on cached features: all seeds and learning rates at once.

    The exact protocol crops every clip anew in every epoch and encodes it; here ``num_crops`` random crops are encoded
    once, and each epoch takes one of them. The recipe's own learning rate is the result; the others stand beside it as
    ``top1_lr{rate}``.

    Args:
        name: By which it is asked for.
        cfg: A classifier's config with SGD and a learning rate on steps or on a cosine.
        seeds: Of the classifiers.
        crop_ratio: As for :class:`TrainedClassifier`.
        augmentations: Likewise.
        num_crops: Crops of each training clip.
        learning_rates: Further ones.
    """

    def __init__(
        self,
        name: str,
        cfg: Config,
        seeds: Sequence[int] = (0,),
        crop_ratio: tuple[float, float] | None = (0.5, 1.0),
        augmentations: Sequence[dict] = (),
        num_crops: int = 2,
        learning_rates: Sequence[float] = (),
    ) -> None:
        super().__init__(name, cfg, seeds, crop_ratio, augmentations=augmentations)
        self.num_crops = num_crops
        self.learning_rates = list(learning_rates)

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        card = super().card(workspace, modalities)
        return replace(card, train_crop=f'{card.train_crop}, {self.num_crops} fixed ones a clip')

    def measure(self, workspace: Workspace, modalities: Sequence[str]) -> Measurement:
        (modality,) = modalities
        model = workspace.model
        train, _ = workspace.features(modality, 'train', self.train_pipeline(model), self.num_crops)
        test, test_file = workspace.features(modality, 'test')
        recipe, rate = linear_recipe(self.cfg)
        rates = [rate, *(other for other in self.learning_rates if other != rate)]
        device = get_device()
        probes = train_linear_probes(
            train.values.to(device), train.labels, len(model.test_clips.store.classes), recipe, rates, self.seeds
        )
        scores = probes.scores(test.values[0].to(device)).cpu()
        others = {
            f'top1_lr{other:g}': [topk_accuracy(run, test.labels, 1) for run in scores[:, place]]
            for place, other in enumerate(rates[1:], 1)
        }
        return Measurement(scores[:, 0], others, files=dict(test_features=test_file))


def linear_recipe(cfg: Config) -> tuple[LinearRecipe, float]:
    """Recipe and learning rate of a classifier's config.

    Raises:
        ConfigError: If it trains by anything but SGD with one ``MultiStepLR`` or ``CosineAnnealingLR`` down to 0, or
            anything but a linear layer.
    """
    optimizer, head = cfg.optim_wrapper.optimizer, cfg.model.get('head', {})
    if head.get('type', 'LinearHead') != 'LinearHead' or head.get('label_smoothing'):
        raise ConfigError(
            'Linear probes on features are linear layers: leave model.head out, or take another protocol.'
        )
    steps = cfg.get('param_scheduler') or [dict(type='MultiStepLR', milestones=[])]
    is_known = len(steps) == 1 and (steps[0]['type'] == 'MultiStepLR' or _is_cosine(steps[0], cfg.train_cfg.max_epochs))
    if optimizer.type != 'SGD' or not is_known or optimizer.get('nesterov'):
        raise ConfigError(
            'Linear probes on features are trained by plain SGD and one MultiStepLR, or a CosineAnnealingLR of all '
            'epochs that is converted to iterations: take another recipe.'
        )
    recipe = LinearRecipe(
        epochs=cfg.train_cfg.max_epochs,
        batch_size=cfg.train_dataloader.batch_size,
        milestones=tuple(steps[0].get('milestones', ())),
        gamma=steps[0].get('gamma', 0.1),
        momentum=optimizer.get('momentum', 0.0),
        weight_decay=optimizer.get('weight_decay', 0.0),
        cosine=steps[0]['type'] == 'CosineAnnealingLR',
        norm=head.get('norm', False),
    )
    return recipe, optimizer.lr


def _is_cosine(scheduler: dict, epochs: int) -> bool:
    """Whether a scheduler takes the learning rate to 0 on a cosine over all steps."""
    wanted = dict(type='CosineAnnealingLR', T_max=epochs, convert_to_iter_based=True)
    return dict(scheduler) == wanted
