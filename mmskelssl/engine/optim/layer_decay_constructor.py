"""Learning rates that fall from the head down to the first layer."""

from __future__ import annotations

from mmengine.optim import OptimWrapper
from torch import nn

from mmskelssl.engine.optim.grouped_constructor import GroupedConstructor
from mmskelssl.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmskelssl.utils.errors import ConfigError


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayConstructor(GroupedConstructor):
    r"""Multiplies the learning rate of a backbone's layer l by :math:`q^{L - l}` (Clark et al., ELECTRA, ICLR 2020).

    A backbone tells the layer of a parameter by ``layer_of(name)``, from 0 (embedding and positions) to ``num_layers``
    (the norm after the last block). What is not in such a backbone, the head among it, learns at the full rate: L is
    ``num_layers``. Backbones that do not tell are not slowed down.

    ``paramwise_cfg`` takes ``layer_decay`` (q) beside the options of MMEngine's constructor; ``bias_decay_mult=0``,
    ``norm_decay_mult=0`` and ``flat_decay_mult=0`` keep biases and vectors from weight decay.

    Examples:
        In a config::

            optim_wrapper = dict(
                type='OptimWrapper',
                optimizer=dict(type='AdamW', lr=3e-4, weight_decay=0.05),
                constructor='LayerDecayConstructor',
                paramwise_cfg=dict(layer_decay=0.8, bias_decay_mult=0.0, norm_decay_mult=0.0, flat_decay_mult=0.0),
            )

    Raises:
        ConfigError: If ``layer_decay`` is missing or not within (0, 1].
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        self.decay = self.paramwise_cfg.get('layer_decay')
        if self.decay is None or not 0 < self.decay <= 1:
            raise ConfigError(
                f'optim_wrapper.paramwise_cfg.layer_decay={self.decay} is not within (0, 1]: LayerDecayConstructor '
                'needs it.'
            )

    def __call__(self, model: nn.Module) -> OptimWrapper:
        self._factors = layer_factors(getattr(model, 'module', model), self.decay)
        return super().__call__(model)

    def of_parameter(self, group: dict) -> dict:
        (parameter,) = group['params']
        return dict(group, lr=group.get('lr', self.base_lr) * self._factors.get(parameter, 1.0))


def layer_factors(model: nn.Module, decay: float) -> dict[nn.Parameter, float]:
    """Factors of the parameters of those submodules that tell their layers."""
    return {
        parameter: decay ** (module.num_layers - module.layer_of(name))
        for module in model.modules()
        if hasattr(module, 'layer_of')
        for name, parameter in module.named_parameters()
    }
