"""ReDeLab: reconstruct, decorrelate, self-label. This toolbox's own method, for sets of hundreds of clips."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.models.algorithms.decorrelation import Decorrelation
from mmskelssl.models.losses import barlow_twins
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.registry import MODELS


@MODELS.register_module()
class ReDeLab(Decorrelation):
    num_views = 3

    def __init__(
        self,
        *args,
        decoder: dict,
        whole_frames: int = 16,
        reconstruct_weight: float = 10.0,
        decorrelate_weight: float = 1.0,
        label_weight: float = 1.0,
        redundancy_weight: float = 0.005,
        num_clusters: int = 100,
        queue_size: int = 1024,
        rounds: Sequence[int] = (),
        directions: int = 64,
        mode: str = 'rounds',
        label_smoothing: float = 0.1,
        sk_eps: float = 0.05,
        tau: float = 0.1,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.redundancy_weight = redundancy_weight
        self.weights = reconstruct_weight, decorrelate_weight, label_weight
        self.rounds = list(rounds)
        self.whole_frames = whole_frames
        self.directions = directions
        self.label_mode = mode
        self.label_smoothing = label_smoothing
        self.sk_eps, self.tau = sk_eps, tau
        self.num_clusters = num_clusters
        channels = {name: 3 * (3 if m == 'fused' else 1) for name, m in self.modality.items()}
        self.decoder, self.target_norm, self.classifier = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        for name in self.streams:
            width = self.num_persons * whole_frames * self.layout.num_joints * channels[name]
            dim = self.encoder[name].backbone.out_channels
            self.decoder[name] = MODELS.build(dict(decoder, in_channels=dim, out_channels=width))
            self.target_norm[name] = nn.BatchNorm1d(width, eps=0.0025, affine=False)
            self.classifier[name] = nn.Linear(dim, num_clusters)
            self.register_buffer(f'mean_{name}', torch.zeros(dim))
            self.register_buffer(f'axes_{name}', torch.zeros(dim, directions))
            self.register_buffer(f'centres_{name}', torch.zeros(num_clusters, directions))
        self.teacher = copy.deepcopy(self.encoder).requires_grad_(False)
        self.bank = MemoryBank(queue_size, {name: self.encoder[name].backbone.out_channels for name in self.streams})
        self.register_buffer('state', torch.zeros(2, dtype=torch.long))
        self.keys: dict[str, Tensor] = {}

    @torch.no_grad()
    def before_update(self) -> None:
        if self.label_mode == 'sinkhorn':
            m = 0.99
            torch._foreach_lerp_(list(self.teacher.parameters()), list(self.encoder.parameters()), weight=1 - m)
            for a, b in zip(self.teacher.buffers(), self.encoder.buffers()):
                a.copy_(b)
            return
        number = sum(self.epoch >= start for start in self.rounds)
        if number > self.state[0]:
            self.teacher.load_state_dict(self.encoder.state_dict())
            self.state[0] = number
        elif number > self.state[1] and self.epoch > self.rounds[number - 1]:
            for name in self.streams:
                self.cluster(name, number)
            self.state[1] = number

    def cluster(self, name: str, seed: int) -> None:
        features = self.bank[name]
        mean = features.mean(0)
        _, deviations, axes = torch.linalg.svd(features - mean, full_matrices=False)
        k = self.directions
        axes = axes[:k].T / deviations[:k] * len(features) ** 0.5
        points = F.normalize((features - mean) @ axes, dim=1)
        centres = k_means(points, self.num_clusters, seed)
        for buffer, value in (('mean', mean), ('axes', axes), ('centres', centres)):
            getattr(self, f'{buffer}_{name}').copy_(value)
        self.classifier[name].reset_parameters()

    @torch.no_grad()
    def labels(self, name: str, features: Tensor) -> Tensor:
        points = F.normalize((features - getattr(self, f'mean_{name}')) @ getattr(self, f'axes_{name}'), dim=1)
        return torch.cdist(points, getattr(self, f'centres_{name}')).argmin(1)

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        *views, whole = inputs
        losses, n = {}, len(whole)
        splits = [self.split(v) for v in views]
        whole_split = self.split(whole)
        self.keys = {}
        for name in self.streams:
            enc = self.encoder[name]
            h = [enc.backbone(s[name]) for s in splits]
            w = whole_split[name]; w = w[:, :, :: w.shape[2] // self.whole_frames]
            target = self.target_norm[name](w.flatten(1))
            wr, wd, wl = self.weights
            losses[f'loss_{name}_reconstruct'] = wr * sum(
                F.smooth_l1_loss(self.decoder[name](x), target) for x in h
            ) / 2
            if wd:
                z = [enc.neck(x) for x in h]
                losses[f'loss_{name}_decorrelate'] = wd * barlow_twins(*z, self.redundancy_weight) / z[0].shape[1]
            if self.label_mode == 'sinkhorn':
                self.teacher.eval()
                with torch.no_grad():
                    key = self.teacher[name].backbone(whole_split[name])
                    self.keys[name] = F.normalize(key, dim=1)
                    proto = F.normalize(self.classifier[name].weight, dim=1)
                    every = torch.cat([self.keys[name], self.bank[name]]) if self.epoch >= 3 else self.keys[name]
                    codes = sinkhorn(every @ proto.T / self.sk_eps)[:n]
                proto = F.normalize(self.classifier[name].weight, dim=1)
                if self.epoch >= self.rounds[0]:
                    losses[f'loss_{name}_label'] = wl * sum(
                        -(codes * (F.normalize(x, dim=1) @ proto.T / self.tau).log_softmax(1)).sum(1).mean() for x in h
                    ) / 2
            else:
                self.teacher.eval()
                if self.state[0]:
                    with torch.no_grad():
                        key = self.teacher[name].backbone(whole_split[name])
                    self.keys[name] = key
                if self.state[0] and self.state[0] == self.state[1]:
                    y = self.labels(name, key)
                    losses[f'loss_{name}_label'] = wl * sum(
                        F.cross_entropy(self.classifier[name](x), y, label_smoothing=self.label_smoothing) for x in h
                    ) / 2
                else:
                    losses[f'loss_{name}_label'] = 0 * sum(p.sum() for p in self.classifier[name].parameters())
        return losses

    def to_enqueue(self) -> dict[str, Tensor]:
        return self.keys

    def after_update(self, batches: Sequence[Mapping[str, Tensor]]) -> None:
        if batches[0]:
            self.bank.enqueue({name: torch.cat([batch[name] for batch in batches]) for name in self.bank.fields})


def sinkhorn(scores: Tensor, iterations: int = 3) -> Tensor:
    q = (scores - scores.max()).exp()
    for _ in range(iterations):
        q = q / q.sum(0, keepdim=True).clamp(min=1e-12)
        q = q / q.sum(1, keepdim=True).clamp(min=1e-12)
    return q


def k_means(points: Tensor, number: int, seed: int, steps: int = 30, starts: int = 3) -> Tensor:
    generator = torch.Generator(device=points.device).manual_seed(seed)
    best = None
    for _ in range(starts):
        centres = points[torch.randint(len(points), (1,), generator=generator, device=points.device)]
        for _ in range(number - 1):
            d = torch.cdist(points, centres).amin(1).square()
            centres = torch.cat([centres, points[torch.multinomial(d.clamp(min=1e-12), 1, generator=generator)]])
        for _ in range(steps):
            d, own = torch.cdist(points, centres).min(1)
            sums = torch.zeros_like(centres).index_add_(0, own, points)
            counts = own.bincount(minlength=number)
            centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
        inertia = d.square().sum()
        if best is None or inertia < best[0]:
            best = inertia, centres
    return best[1]
