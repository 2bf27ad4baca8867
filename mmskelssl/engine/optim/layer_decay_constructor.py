"""Learning rates that fall from the head down to the first layer."""

from __future__ import annotations

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmskelssl.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmskelssl.utils.errors import ConfigError


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayConstructor(DefaultOptimWrapperConstructor):
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

    def add_params(self, params: list[dict], module: nn.Module, prefix: str = '', is_dcn_module: object = None) -> None:
        # The parent comes back here for every submodule; the rates are set once, when all parameters are there.
        super().add_params(params, module, prefix, is_dcn_module)
        if not prefix:
            params[:] = _grouped([self._slowed(group) for group in params])

    def _slowed(self, group: dict) -> dict:
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


def _grouped(groups: list[dict]) -> list[dict]:
    """Groups that differ in nothing but their parameters become one: an update is a call for each group."""
    merged: dict[str, dict] = {}
    for group in groups:
        options = {key: value for key, value in group.items() if key != 'params'}
        known = merged.setdefault(repr(sorted(options.items())), dict(options, params=[]))
        known['params'] += group['params']
    return list(merged.values())
