"""Views and training steps keep to the device of their inputs and never wait for it.

Shown on the device ``meta``: a tensor elsewhere is refused there, and so is reading a number, which on a GPU is a wait.
"""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from workshop import ROOT

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.registry import MODELS, TRANSFORMS
from mmskelssl.utils.config import read_config

CONFIGS = ROOT / 'configs'
STEPS = [f'{name}/{name}_gcn-transformer_1xb64-30e_synthetic-xsub' for name in ('skeletonclr', 'cmd', 'i2md')]
STEPS += [f'{name}/{name}_bigru64_1xb64-30e_synthetic-xsub' for name in ('barlow_twins', 'vicreg')]
STEPS += ['aimclr/aimclr_stgcn_1xb64-30e_synthetic-xsub', 'isc/isc_bigru128_1xb64-30e_synthetic-xsub']
STEPS += ['pstl/pstl_stgcn_1xb64-30e_synthetic-xsub']
STEPS += ['umurl/umurl_unified-sttr_1xb64-30e_synthetic-xsub', 'usdrl/usdrl_dste_1xb64-30e_synthetic-xsub']
STEPS += ['pcm3/pcm3_bigru128_1xb64-30e_synthetic-xsub', 'pcm3/pcm3_bigru_1xb128-451e_ntu60-xsub']
STEPS += ['hiclr/hiclr_stgcn_1xb64-30e_synthetic-xsub']
STEPS += ['skelemixclr/skelemixclr_stgcn_1xb64-30e_synthetic-xsub']
STEPS += ['scd_net/scd_net_decoupled-encoder_1xb64-30e_synthetic-xsub']
STEPS += ['crossclr/crossclr_stgcn_1xb128-300e_ntu60-xsub', 'mmcv_mutual/mmcv_mutual_agcn_1xb128-451e_ntu60-xsub']


@pytest.mark.xfail(torch.__version__.startswith('2.4.'), reason='no kthvalue on meta', raises=NotImplementedError)
@pytest.mark.parametrize('config', STEPS)
def test_a_step_keeps_to_its_device(config, monkeypatch):
    # Autocast knows no such device.
    monkeypatch.setattr(torch, 'autocast', lambda *args, **kwargs: nullcontext())
    cfg = read_config(CONFIGS / f'{config}.py').model
    if cfg.backbone.type == 'BiGRU':
        cfg.backbone.num_layers = 1  # it runs frame by frame there
    model = MODELS.build(dict(cfg, modalities=['joint', 'bone'])).to('meta')
    model.epoch = 299
    views = [
        torch.empty(6, 2, cfg.backbone.get('num_frames', 48), 25, 3, device='meta') for _ in range(model.num_views)
    ]
    model.before_update()
    losses = model(views, dict(labels=torch.empty(6, device='meta')), mode='loss')
    sum(losses.values()).backward()
    model.after_update([model.to_enqueue()])
    assert {loss.device.type for loss in losses.values()} == {'meta'}
    assert any(p.grad is not None for p in model.encoder.parameters())


# Those of warp.py are normalized first, which packs the clips: it asks the device for their number of frames.
VIEWS = [path for path in sorted((CONFIGS / '_base_/views').glob('*.py')) if not path.stem.startswith('warp')]


@pytest.mark.parametrize('views', VIEWS, ids=lambda path: path.stem)
@pytest.mark.parametrize('stage', ['train', 'test'])
def test_views_are_made_on_the_device_of_the_clips(views, stage):
    pipeline = TRANSFORMS.build(
        dict(type='ViewPipeline', transforms=read_config(views).data_preprocessor[f'{stage}_pipeline'])
    )
    clips = ClipBatch.of([np.zeros((2, length, 25, 3)) for length in (40, 70, 100)])
    *columns, max_persons = clips
    made = pipeline(ClipBatch(*(x.to('meta') for x in columns), max_persons), torch.arange(3, device='meta'), NTU25)
    assert {(view.device.type, *view.shape[:2]) for view in made} == {('meta', 3, 2)}
