"""MAMP and MAE against the official program, and what has to hold for masks and predictions."""

import pytest
import torch
from golden_masked import assert_gradient_norms, load, masked_model, recordings, renamed, view_of
from workshop import takes_views

from mmskelssl.datasets.keyed_random import KeyedRandom, clip_keys
from mmskelssl.models.masking import hidden
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError

BACKBONE = dict(type='SkeletonTransformer', num_frames=16, width=8, num_layers=2, num_heads=2)
DECODER = dict(type='TokenDecoder', width=4, num_layers=1, num_heads=2)


def make(kind='MAMP', **options):
    config = dict(type=kind, backbone=BACKBONE, decoder=DECODER, layout='kinect20', num_persons=2)
    return takes_views(MODELS.build(config | options))


@pytest.fixture
def view():
    """(4, 2, 16, 20, 3); the first clip has one person."""
    x = torch.randn(4, 2, 16, 20, 3)
    x[0, 1] = 0
    return x


def draws(model, view):
    return torch.rand(*view.shape[:2], model.backbone('joint').num_segments * view.shape[3])


@pytest.mark.parametrize('path', recordings('mamp'))
def test_the_official_program(path):
    golden = load(path)
    view = view_of(golden)
    assert golden['runs']
    for name, run in golden['runs'].items():
        model = masked_model(golden, run)
        backbone, decoder = model.backbone('joint'), model.decoder['joint']
        uniform = run['uniform'].view(*view.shape[:2], -1)
        loss = model.loss([view], uniform=uniform)['loss_joint']
        assert loss.item() == pytest.approx(run['loss'], rel=1e-5), name
        loss.backward()
        norms = {key: torch.tensor(norm) for key, norm in run['grad_norms'].items()}
        assert_gradient_norms(model, renamed(norms, 'encoder.joint.backbone', 'decoder.joint'), absolute=1e-6)
        persons, _ = backbone.persons(view)
        kept = model.choose(persons, run['uniform'], backbone.segment_length)
        assert torch.equal(hidden(kept, run['mask'].shape[1]), run['mask']), name
        if 'prediction' not in run:
            continue
        tokens = backbone.embed(persons)
        visible = backbone.encode(tokens[torch.arange(len(tokens))[:, None], kept], kept)
        order = run['ids_restore'].argsort(1)[:, : kept.shape[1]]
        assert torch.equal(kept, order)
        torch.testing.assert_close(visible, run['encoder_visible'], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(decoder(visible, kept), run['prediction'], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(model.targets('joint', persons), run['target'], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('path', recordings('mamp'))
def test_features_of_the_official_program(path):
    golden = load(path)
    view, features = view_of(golden), golden['features_eval']
    model = masked_model(golden, next(iter(golden['runs'].values()))).eval()
    torch.testing.assert_close(model(view)['joint'], features['mean'], atol=1e-5, rtol=1e-5)
    if path.stem == 'golden_mamp':
        return  # the slice has no tokens
    backbone = model.backbone('joint')
    tokens = backbone.encode(backbone.embed(backbone.persons(view)[0]))
    torch.testing.assert_close(tokens.view_as(features['tokens']), features['tokens'], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('temperature', [0.0, 0.8])
def test_what_is_visible_knows_nothing_of_what_is_hidden(view, temperature):
    model = make(mask_temperature=temperature)
    backbone = model.backbone('joint')
    persons, _ = backbone.persons(view)
    kept = model.choose(persons, draws(model, view).flatten(0, 1), 4)
    mask = hidden(kept, 80).view(-1, 4, 20).repeat_interleave(4, 1)[..., None]  # frame by frame

    def encoded(x):
        return backbone.encode(backbone.embed(x)[torch.arange(len(x))[:, None], kept], kept)

    other = torch.where(mask, persons + 10 * torch.randn_like(persons), persons)
    assert torch.equal(encoded(other), encoded(persons))
    assert not torch.allclose(encoded(persons + 1), encoded(persons), atol=1e-2)


def test_hidden_coordinates_reach_the_loss_as_targets_alone(view):
    """With a mask that does not depend on them, they change the loss and not what was embedded."""
    model = make(mask_temperature=0.0, target='joint')
    uniform = draws(model, view)
    before, embedded = model.loss([view], uniform=uniform)['loss_joint'], model.embeddings['joint']
    kept = model.choose(view.flatten(0, 1), uniform.flatten(0, 1), 4)
    mask = hidden(kept, 80).view(4, 2, 4, 20).repeat_interleave(4, 2)[..., None]
    other = torch.where(mask, torch.randn_like(view), view)
    assert model.loss([other], uniform=uniform)['loss_joint'] != before
    assert torch.equal(model.embeddings['joint'], embedded)


@pytest.mark.parametrize('kind', ['MAMP', 'AMR'])
def test_an_absent_person_changes_nothing(view, kind):
    """Of those who are skipped: a clip with an empty second place is a clip of one person."""
    options = dict(backbone=dict(BACKBONE, absent_persons='skip'))
    if kind == 'AMR':
        options |= dict(decoder=dict(type='QueryDecoder', segments_per_query=2, width=4, num_heads=2), windows=(4,))
    model = make(kind, **options)
    uniform = draws(model, view)
    alone = model.loss([view[:1, :1]], uniform=uniform[:1, :1])['loss_joint']
    torch.testing.assert_close(model.loss([view[:1]], uniform=uniform[:1])['loss_joint'], alone)
    others = model.loss([view[1:]], uniform=uniform[1:])['loss_joint']
    torch.testing.assert_close(model.loss([view], uniform=uniform)['loss_joint'], (alone + 3 * others) / 4)
    feature = model(view)['joint']
    torch.testing.assert_close(feature[:1], model(view[:1, :1])['joint'])


def test_the_loss_is_the_mean_over_clips(view):
    for absent in ('encode', 'skip'):
        model = make(backbone=dict(BACKBONE, absent_persons=absent))
        uniform = draws(model, view)
        clips = [model.loss([view[[i]]], uniform=uniform[[i]])['loss_joint'] for i in range(4)]
        together = model.loss([view], uniform=uniform)['loss_joint']
        torch.testing.assert_close(together, torch.stack(clips).mean())


@pytest.mark.parametrize('options', [{}, dict(target='joint'), dict(normalize='clip'), dict(normalize=None)])
@pytest.mark.parametrize('temperature', [0.0, 0.8])
def test_a_clip_at_rest_is_finite(view, options, temperature):
    for still in (torch.zeros_like(view), view[:, :, :1].expand_as(view)):
        model = make(mask_temperature=temperature, **options)
        loss = model([still], mode='loss')['loss_joint']
        loss.backward()
        assert loss.isfinite() and all(p.grad.isfinite().all() for p in model.parameters())


def test_masks_belong_to_clips_and_epochs(view):
    """Of keys alone: not of the batch, of its order or of torch's generator."""
    model = make()
    keys = clip_keys(*torch.tensor([[3] * 4, [7] * 4, [5, 1, 8, 2]]))
    every = model.draw(view, 80, dict(keys=keys))
    assert every.shape == (4, 2, 80) and every.min() >= 0 and every.max() < 1
    some = torch.tensor([2, 0])
    assert torch.equal(model.draw(view[some], 80, dict(keys=keys[some])), every[some])
    loss = model([view], dict(keys=keys), mode='loss')['loss_joint']
    assert model([view], dict(keys=keys), mode='loss')['loss_joint'] == loss
    assert model.loss([view], uniform=every)['loss_joint'] == loss
    later = clip_keys(*torch.tensor([[3] * 4, [8] * 4, [5, 1, 8, 2]]))
    assert not torch.equal(model.draw(view, 80, dict(keys=later)), every)
    torch.manual_seed(0)
    drawn = model.draw(view, 80, None)
    assert not torch.equal(model.draw(view, 80, None), drawn)


def test_masks_are_other_numbers_than_views(view):
    keys = torch.arange(4)
    masks = make().draw(view, 80, dict(keys=keys)).flatten()
    for stream in (KeyedRandom(keys), *(KeyedRandom(keys).fork(i) for i in range(4))):
        assert torch.isin(stream.uniform(200), masks).float().mean() < 0.01  # of 24 bits; a few meet by chance


def test_targets_by_hand():
    model = make(motion_stride=3, normalize=None)
    persons = torch.randn(2, 16, 20, 3)
    target = model.targets('joint', persons)
    assert target.shape == (2, 80, 12)
    for token, frame, axis in ((0, 0, 0), (23, 2, 1), (65, 0, 2), (65, 3, 0)):
        s, v = divmod(token, 20)
        t = 4 * s + frame
        moved = persons[:, t + 3, v, axis] - persons[:, t, v, axis] if t + 3 < 16 else torch.zeros(2)
        torch.testing.assert_close(target[:, token, 3 * frame + axis], moved)
    torch.testing.assert_close(
        make(target='joint', normalize=None).targets('joint', persons)[1, 45], persons[1, 8:12, 5].flatten()
    )


def test_half_precision_is_close(view):
    model = make()
    uniform = draws(model, view)
    exact = model.loss([view], uniform=uniform)['loss_joint']
    with torch.autocast('cpu', torch.bfloat16):
        loss = model.loss([view], uniform=uniform)['loss_joint']
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(exact.item(), rel=0.02)


def test_checkpointed_blocks_give_the_same(view):
    plain = make()
    saving = make(backbone=dict(BACKBONE, with_cp=True), decoder=dict(DECODER, with_cp=True))
    saving.load_state_dict(plain.state_dict())
    uniform = draws(plain, view)
    for model in (plain, saving):
        model.loss([view], uniform=uniform)['loss_joint'].backward()
    for a, b in zip(plain.parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_two_streams_and_rotary_time(view):
    model = make(modalities=['joint', 'bone'], backbone=dict(BACKBONE, time_encoding='rotary'))
    losses = model([view], mode='loss')
    assert list(losses) == ['loss_joint', 'loss_bone'] == [f'loss_{name}' for name in model.embeddings]
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(mask_ratio=0.99), 'mask_ratio=0.99 leaves 0 of 80 tokens visible'),
        (dict(mask_ratio=0.0), 'mask_ratio=0.0 leaves 80 of 80 tokens visible'),
        (dict(mask_temperature=-1), 'mask_temperature=-1 is too small'),
        (dict(backbone=dict(type='BiGRU', hidden_channels=4)), "BiGRU has none: set model.backbone.type='Skeleton"),
        (dict(decoder=dict(DECODER, in_channels=16)), 'model.decoder says in_channels: leave it out'),
        (dict(decoder=dict(DECODER, width=5)), 'width=5 is not divisible by num_heads=2'),
        (dict(target='speed'), "model.target='speed' is neither 'motion' nor 'joint'"),
        (dict(normalize='batch'), "model.normalize='batch' is neither"),
        (dict(motion_stride=0), 'motion_stride=0 is too small'),
        (dict(motion_stride=16), 'motion_stride=16 leaves no motion in the 16 frames'),
        (dict(backbone=dict(BACKBONE, num_frames=18)), '18 frames are not divisible into segments of 4'),
        (dict(backbone=dict(BACKBONE, num_frames=4)), 'mask_temperature=0.8 compares segments and needs two'),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        make(**options)


def test_views_of_another_length_are_refused(view):
    with pytest.raises(ConfigError, match='A view has 8 frames, but model.backbone.num_frames=16'):
        make()([view[:, :, :8]], mode='loss')


@pytest.mark.slow
@pytest.mark.parametrize('absent', ['encode', 'skip'])
def test_a_compiled_step_is_the_same(view, absent):
    model = make(backbone=dict(BACKBONE, absent_persons=absent))
    samples = dict(keys=torch.arange(4))
    expected = model.loss([view], samples)['loss_joint']
    compiled = torch.compile(model.loss, backend='aot_eager')
    torch.testing.assert_close(compiled([view], samples)['loss_joint'], expected)


def test_draws_are_not_compiled(view):
    """Keys of clips wrap around, which compiled code does not."""
    model, samples = make(), dict(keys=torch.tensor([3, 1 << 61, -(1 << 55), 7]))
    compiled = torch.compile(lambda view: model.draw(view, 80, samples))
    assert torch.equal(compiled(view), model.draw(view, 80, samples))
