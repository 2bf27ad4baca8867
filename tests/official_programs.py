"""The encoders of the official programs as modules, to make checkpoints of and to compare numbers with."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MODALITIES = ('joint', 'motion', 'bone')
SUFFIX = dict(joint='', motion='_motion', bone='_bone')


def head(width: int, dim: int, inner: nn.Module | None = None) -> nn.Sequential:
    """The MLP head; ``inner`` is what CrosSCLR's quirk wraps in the place of the last layer."""
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), inner or nn.Linear(width, dim))


class GRUEncoder(nn.Module):
    """CMD's and MMCV's encoder: one frame at a time, hidden state carried on."""

    def __init__(self, hidden: int = 4, dim: int = 6, num_layers: int = 3, width: int = 150) -> None:
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.gru = nn.GRU(width, hidden, num_layers, bidirectional=True, batch_first=True)
        self.input_norm = nn.BatchNorm1d(width)
        self.fc = head(2 * hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V, M) to (N, dim)."""
        x = self.input_norm(x.permute(0, 3, 1, 4, 2).flatten(1, 3)).transpose(1, 2)
        state = None
        for frame in range(x.shape[1]):
            out, state = self.encoder.gru(x[:, frame : frame + 1], state)
        return self.fc(out[:, -1])


class GraphBlock(nn.Module):
    def __init__(self, before: int, width: int, stride: int, first: bool) -> None:
        super().__init__()
        self.gcn = nn.Module()
        self.gcn.conv = nn.Conv2d(before, 3 * width, 1)
        temporal = nn.Conv2d(width, width, (9, 1), (stride, 1), (4, 0))
        self.tcn = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), temporal, nn.BatchNorm2d(width), nn.Dropout(0.5))
        self.first = first
        if not first and (before != width or stride != 1):
            self.residual = nn.Sequential(nn.Conv2d(before, width, 1, (stride, 1)), nn.BatchNorm2d(width))

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        skip = 0 if self.first else self.residual(x) if hasattr(self, 'residual') else x
        n, _, t, v = x.shape
        y = torch.einsum('nkctv,kvw->nctw', self.gcn.conv(x).view(n, 3, -1, t, v), graph)
        return F.relu(self.tcn(y) + skip)


class GraphEncoder(nn.Module):
    """CrosSCLR's encoder."""

    def __init__(self, base: int = 2, feature: int = 8, dim: int = 6, num_joints: int = 25) -> None:
        super().__init__()
        self.register_buffer('A', torch.rand(3, num_joints, num_joints) / num_joints)
        self.data_bn = nn.BatchNorm1d(3 * num_joints)
        widths = [base] * 4 + [2 * base] * 3 + [4 * base] * 2 + [feature]
        self.st_gcn_networks = nn.ModuleList(
            GraphBlock(before, width, 2 if i in (4, 7) else 1, i == 0)
            for i, (before, width) in enumerate(zip([3, *widths], widths, strict=False))
        )
        self.edge_importance = nn.ParameterList(nn.Parameter(torch.rand(3, num_joints, num_joints)) for _ in widths)
        self.fc = head(feature, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V, M) to (N, dim)."""
        n, c, t, v, m = x.shape
        x = self.data_bn(x.permute(0, 4, 3, 1, 2).reshape(n * m, v * c, t))
        x = x.view(n * m, v, c, t).permute(0, 2, 3, 1)
        for block, importance in zip(self.st_gcn_networks, self.edge_importance, strict=True):
            x = block(x, self.A * importance)
        return self.fc(x.mean((2, 3)).view(n, m, -1).mean(1))


class Program(nn.Module):
    """A program's whole model: encoders of each role and modality, queues and pointers.

    Args:
        method: ``cmd``, ``crossclr`` or ``mmcv_mutual``.
        modalities: Which of the three it has.
        queue_size: Slots of its queues.
        pointer: Where all of its queue pointers stand.
        share_heads: CrosSCLR's quirk: the heads of motion and bone wrap the joint head.
        **sizes: Of the encoders.
    """

    def __init__(
        self,
        method: str,
        modalities=MODALITIES,
        queue_size: int = 16,
        pointer: int = 5,
        share_heads: bool = False,
        dim: int = 6,
        **sizes,
    ) -> None:
        super().__init__()
        kind = GraphEncoder if method == 'crossclr' else GRUEncoder
        queues = [f'{SUFFIX[a]}{role}' for a in modalities for role in (('_k', '_p') if 'mmcv' in method else ('',))]
        for suffix in queues:
            self.register_buffer(f'queue{suffix}', F.normalize(torch.randn(dim, queue_size), dim=0))
            self.register_buffer(f'queue_ptr{suffix}', torch.tensor([pointer]))
        for role in ('q', 'k', 'p') if 'mmcv' in method else ('q', 'k'):
            encoders = {a: kind(dim=dim, **sizes) for a in modalities}
            for a, encoder in encoders.items():
                if share_heads and a != 'joint':
                    encoder.fc = head(encoder.fc[0].in_features, dim, encoders['joint'].fc)
                setattr(self, f'encoder_{role}{SUFFIX[a]}', encoder)
        self.apply(_shake)

    def checkpoint(self) -> dict[str, Tensor]:
        return copy.deepcopy(self.state_dict())


def _shake(module: nn.Module) -> None:
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
            nn.init.uniform_(tensor, 0.5, 1.5)
