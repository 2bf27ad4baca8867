import copy

import pytest
import torch
from golden_contrast import (
    assert_close,
    assert_learns_as,
    build,
    compare_gradients,
    load,
    load_encoders,
    loaded_bank,
    norms_of_stgcn,
    recordings,
    st_gcn,
    view,
)

from mmskelssl.models.mixing import Mix, pooled_in_and_out
from mmskelssl.utils.errors import ConfigError

STGCN = dict(type='STGCN', base_channels=2, out_channels=8, dropout=0.0)
NECK = dict(type='ProjectionNeck', batch_norm=True, bias=True)
KEYS = dict(keys=torch.arange(6))


@pytest.fixture(params=[path for path in recordings('skelemixclr') if path.id != 'slice'])
def golden(request):
    return load(request.param)


def loaded(golden):
    config = golden['config']
    model = build(
        golden,
        golden['query'],
        type='SkeleMixCLR',
        backbone=dict(st_gcn(config), partition='directed'),
        neck=NECK,
        temperature=config['T'],
        num_mixes=config['repeat'],
        mix_parts=(1, 1),
        layout=layout(golden['query'].shape[3]),
    )
    return load_encoders(loaded_bank(model, golden), golden)


def layout(num_joints):
    """With parts: which ones they are is on record where it matters."""
    joints = tuple(f'joint {number}' for number in range(num_joints))
    groups = {name: [joint] for joint, name in enumerate(joints)}
    return dict(name='any', joints=joints, parents=(0, *range(num_joints - 1)), center=0, groups=groups)


def mixes_of(golden):
    clips, _, frames, joints, _ = golden['query'].shape
    return [
        Mix(
            (torch.arange(clips) + mix['shift']) % clips,
            (mask(frames // 4, mix['frame_blocks']).repeat_interleave(4)[:, None] & mask(joints, mix['joints']))
            .float()
            .expand(clips, -1, -1),
            torch.arange(frames).expand(clips, -1),
        )
        for mix in golden['mixes']
    ]


def mask(size, chosen):
    return torch.isin(torch.arange(size), torch.tensor(chosen))


@pytest.mark.shared
def test_step_is_that_of_the_official_program(golden):
    model, views, recorded = loaded(golden), [view(golden[name]) for name in ('query', 'key')], golden['losses']
    assert_close(copy.deepcopy(model.encoder['joint'].backbone).eval()(views[0]), golden['features_eval'])
    losses = model.loss(views, mixes=mixes_of(golden))
    expected = {
        f'loss_joint_{ours}': sum(recorded[f'loss_{theirs}_{mix}'] for mix in range(len(golden['mixes']))) / 2
        for ours, theirs in dict(pasted='pasted', rest='context').items()
    }
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(
        {'loss_joint': recorded['loss_instance']} | expected, rel=1e-5
    )
    assert sum(losses.values()).item() == pytest.approx(recorded['total'], rel=1e-5)
    sum(losses.values()).backward()
    norms = norms_of_stgcn(golden['grad_norms'], views[0].shape[3])
    compare_gradients(model.encoder['joint'], norms, abs=1e-5 * max(1.0, *norms.values()))
    assert_close(model.keys['joint'], golden['embeddings']['key'])
    model.after_update([model.to_enqueue()])
    assert_close(model.bank['joint'], golden['queue_after'].T)
    assert int(model.bank.pointer) == golden['queue_ptr_after']


@pytest.mark.shared
def test_embeddings_of_mixes_are_those_of_the_official_program(golden):
    model, query = loaded(golden), dict(joint=view(golden['query']))
    for number, mix in enumerate(mixes_of(golden)):
        for name, z in zip(('pasted', 'context'), model.encode_mixed(query, mix), strict=True):
            assert_close(z['joint'], golden['embeddings'][f'{name}_{number}'])


@pytest.fixture
def make(make_model):
    return lambda **options: make_model('SkeleMixCLR', **dict(backbone=STGCN, mix_blocks=(1, 3)) | options)


def test_without_mixes_it_is_skeletonclr(make_model, make, views):
    assert_learns_as(make_model('SkeletonCLR', backbone=STGCN, temperature=0.2), views, make(mix_weight=0), views)


def test_inside_and_outside_are_pooled_apart():
    x, inside = torch.randn(3, 2, 5, 4, 7), torch.rand(3, 16, 7) > 0.5
    inside[:] = inside[:, ::4].repeat_interleave(4, 1)
    for feature, where in zip(pooled_in_and_out(x, inside), (inside, ~inside), strict=True):
        for clip in range(3):
            places = where[clip, ::4].nonzero().tolist()
            expected = torch.stack([x[clip, m, :, t, v] for t, v in places for m in range(2)]).mean(0)
            torch.testing.assert_close(feature[clip], expected)


def test_a_region_shows_the_same_region_of_the_partner(make, views):
    model = make(num_mixes=2)
    for mix in model.draw(views[0], KEYS):
        mixed, inside = mix.of_views(views[0]), mix.share.bool()[:, None, :, :, None]
        expected = torch.where(inside, views[0][mix.partner], views[0])
        torch.testing.assert_close(mixed, expected)
        assert inside.flatten(1).any(1).all() and not inside.flatten(1).all(1).any()


def test_mixes_belong_to_clips(make, views):
    model, chosen = make(), torch.tensor([4, 1, 2])
    some = model.draw(views[0][chosen], dict(keys=KEYS['keys'][chosen]))
    for part, whole in zip(some, model.draw(views[0], KEYS), strict=True):
        assert torch.equal(part.share, whole.share[chosen])
    first, second, third = (mix.share for mix in model.draw(views[0], KEYS))
    assert not torch.equal(first, second) and not torch.equal(second, third)


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(num_mixes=0), 'num_mixes=0 is too small'),
        (dict(mix_weight=-1), 'mix_weight=-1'),
        (dict(mix_parts=(2, 5)), 'give the fewest and the most parts besides the rest of a region; a view has 4'),
        (dict(backbone=dict(type='BiGRU', hidden_channels=8)), 'BiGRU has none: take STGCN or AGCN'),
        (dict(backbone=dict(STGCN, partition='other')), "partition='other' is not one of"),
    ],
)
def test_what_cannot_be_is_refused(make, options, says):
    with pytest.raises(ConfigError, match=says):
        make(**options)


def test_a_view_that_is_too_short_is_refused(make, views):
    with pytest.raises(ConfigError, match='blocks of 4 frames'):
        make(mix_blocks=(7, 11))(views, mode='loss')
