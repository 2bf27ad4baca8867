"""Steps of official programs, with the sizes of a config of ours. Their code is executed from a checkout."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from common import PeerError, import_peer
from mmengine.config import Config
from torch import Tensor

from mmskelssl.datasets.layouts import get_layout


def make_peer(path: Path, cfg: Config, device: torch.device, batch_size: int) -> Callable[[list[Tensor]], None]:
    """The official step of a config's method.

    Raises:
        PeerError: If the config is not one that an official program can run.
    """
    peers = dict(CMD=CMDStep, MAMP=MAMPStep)
    if cfg.model.type not in peers:
        raise PeerError(f'--peer takes a config of {" or ".join(peers)}, not of {cfg.model.type}.')
    return peers[cfg.model.type](path, cfg, device, batch_size)


class CMDStep:
    """The official step of CMD.

    Raises:
        PeerError: If the config is not one that CMD can run.
    """

    def __init__(self, path: Path, cfg: Config, device: torch.device, batch_size: int) -> None:
        m = cfg.model
        if m.backbone.type != 'BiGRU' or get_layout(m.layout).num_joints != 25:
            raise PeerError('--peer takes a config of CMD with a BiGRU on 25 joints.')
        if len(m.modalities) < 3:
            raise PeerError(f'The peer learns on three modalities, the config on {list(m.modalities)}.')
        if m.queue_size % batch_size:
            raise PeerError(f'The peer needs a queue_size ({m.queue_size}) that --batch-size {batch_size} divides.')
        self.on_cpu = device.type == 'cpu'
        sizes = dict(
            en_input_size=75 * m.num_persons,
            en_hidden_size=m.backbone.hidden_channels,
            en_num_layers=m.backbone.get('num_layers', 3),
            num_class=m.feat_dim,
        )
        builder = import_peer(path, 'moco.builder_cmd')
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = builder.MoCo(
                'seq-based', sizes, dim=m.feat_dim, K=m.queue_size, T=m.temperature, teacher_T=m.teacher_temperature,
                student_T=m.student_temperature, cmd_weight=m.distill_weight, topk=m.num_neighbors, mlp=True,
            ).to(device).train()  # fmt: skip
        learned = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(learned, lr=0.01, momentum=0.9, weight_decay=1e-4)

    def __call__(self, views: list[Tensor]) -> None:
        """A step as in pretrain_moco_cmd.py."""
        query, key = (view.permute(0, 4, 2, 3, 1).contiguous() for view in views)
        with _without_cuda() if self.on_cpu else contextlib.nullcontext():
            *logits, labels, loss = self.model(query, key)
        loss = loss + sum(F.cross_entropy(x, labels) for x in logits)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class MAMPStep:
    """The official step of MAMP.

    Raises:
        PeerError: If the config is not one that MAMP can run.
    """

    def __init__(self, path: Path, cfg: Config, device: torch.device, batch_size: int) -> None:
        m = cfg.model
        encoder, decoder = m.backbone, m.decoder
        if (
            m.get('target', 'motion') != 'motion'
            or decoder.type != 'TokenDecoder'
            or decoder.num_layers > encoder.num_layers
        ):
            raise PeerError('--peer takes a config of MAMP that predicts motion, whose decoder is not the deeper part.')
        self.options = dict(
            mask_ratio=m.mask_ratio, motion_stride=m.get('motion_stride', 1), motion_aware_tau=m.mask_temperature
        )
        program = import_peer(path, 'model_mamp.transformer')
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = program.Transformer(
                dim_feat=encoder.width, decoder_dim_feat=decoder.width, depth=encoder.num_layers,
                decoder_depth=decoder.num_layers, num_heads=encoder.num_heads, num_frames=encoder.num_frames,
                num_joints=get_layout(m.layout).num_joints, t_patch_size=encoder.get('segment_length', 4),
                norm_skes_loss=m.get('normalize', 'segment') == 'segment',
            ).to(device).train()  # fmt: skip
        learned = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(learned, lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05)

    def __call__(self, views: list[Tensor]) -> None:
        """A step as in engine_pretrain.py."""
        (view,) = views
        loss, *_ = self.model(view.permute(0, 4, 2, 3, 1).contiguous(), **self.options)
        loss.item()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


@contextlib.contextmanager
def _without_cuda() -> Iterator[None]:
    """The official step sends its labels to a GPU; here they stay."""
    cuda = Tensor.cuda
    Tensor.cuda = lambda self, *args, **kwargs: self
    try:
        yield
    finally:
        Tensor.cuda = cuda
