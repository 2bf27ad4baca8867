import copy

import pytest
import torch
from golden_contrast import (
    assert_close,
    build,
    compare_gradients,
    layout_of,
    load,
    load_encoders,
    loaded_bank,
    part,
    recordings,
    view,
)

from mmskelssl.cli.official_pcm3 import FEATURE_PROMPTS, VIEW_PROMPTS, rename_decoder, rename_prompts
from mmskelssl.cli.official_weights import rename_gru
from mmskelssl.models.algorithms.pcm3 import Draws
from mmskelssl.models.mixing import Mix
from mmskelssl.utils.errors import ConfigError

# Our name of a loss to that of the program, and to the weight that it has in ours.
LOSSES = {
    'loss_joint': ('loss_base', 1),
    'loss_joint_masked': ('loss_masked', 1),
    'loss_joint_reconstructed': ('loss_reconstructed', 1),
    'loss_joint_mixed': ('loss_mix', 1),
    'loss_joint_distill': ('loss_similarity', 1),
    'loss_joint_reconstruction': ('loss_reconstruction', 40),
}
PROMPTS = dict(feature=FEATURE_PROMPTS, view=VIEW_PROMPTS)
RUNS = ('without_prompts', 'with_prompts')
# Where a prompt is in the program, by where it is in ours.
PLACES = dict(
    query='query', key='key', prediction='reconstruction', masked='masked_query', reconstructed='reconstructed_query',
    mixed='mixed_query',
)  # fmt: skip


@pytest.fixture(params=recordings('pcm3'))
def golden(request):
    return load(request.param)


@pytest.fixture(params=[path for path in recordings('pcm3') if path.id != 'slice'])
def whole(request):
    return load(request.param)


def model_of(golden, run):
    config, layout = golden['config'], layout_of(golden['query'].shape[3])
    if isinstance(layout, dict):
        # What the parts are is on record where it matters.
        layout['groups'] = {name: [joint] for joint, name in enumerate(layout['joints'])}
    model = build(
        golden,
        golden['query'],
        type='PCM3',
        layout=layout,
        backbone=dict(type='BiGRU', hidden_channels=config['hidden'], num_layers=config['layers']),
        decoder=dict(type='FrameDecoder', width=config['decoder']),
        prompt_channels=config['prompt'] if run == 'with_prompts' else 0,
        temperature=config['T'],
        teacher_temperature=config['teacher_T'],
        student_temperature=config['student_T'],
    )
    return loaded_bank(model, golden)


def loaded(model, golden):
    """The model with all weights of a recording."""
    weights = golden['official_state_dict']
    load_encoders(model, golden, rename_gru)
    model.decoder['joint'].load_state_dict(rename_decoder(weights))
    if model.has_prompts:
        model.prompts['joint'].load_state_dict(rename_prompts(weights, model.num_persons, model.layout.num_joints))
    return model


def mix_of(recorded):
    """What clips the program mixed in what shares; the views are those on record."""
    clips = len(recorded['embeddings']['key'])

    class Recorded(Mix):
        def of_views(self, x):
            return view(recorded['mixed'])

    return Recorded(
        partner=(torch.arange(clips) + recorded['shift']) % clips,
        share=torch.full((clips, 1, 1), recorded['weight'], dtype=torch.float64),
        frame=torch.zeros(clips, 1),
    )


def draws_of(recorded):
    """What the program drew."""
    clips = len(recorded['embeddings']['key'])
    places = {ours: recorded['prompt_offsets'].get(theirs, 0) for ours, theirs in PLACES.items()}
    return Draws(
        ~recorded['visible'].expand(clips, -1, -1, -1).transpose(1, 2),
        mix_of(recorded),
        {name: torch.full((clips,), place) for name, place in places.items()},
    )


def assert_losses(losses, recorded):
    for name, loss in losses.items():
        theirs, weight = LOSSES[name]
        assert loss.item() == pytest.approx(weight * recorded['losses'][theirs], rel=1e-5), name


@pytest.mark.parametrize('run', RUNS)
def test_losses_of_recorded_embeddings(golden, run):
    model, recorded = model_of(golden, run), golden[run]
    embeddings = {name: dict(joint=z.double()) for name, z in recorded['embeddings'].items()}
    model.keys = embeddings['key']
    mix = mix_of(recorded)
    assert_close(mix.of_embeddings(embeddings['key']['joint']), recorded['embeddings']['mixed_key'])
    losses = model.objective(embeddings, mix)
    assert set(losses) == set(LOSSES) - {'loss_joint_reconstruction'}
    assert_losses(losses, recorded)


@pytest.mark.shared
@pytest.mark.parametrize('run', RUNS)
def test_step_is_that_of_the_official_program(whole, run):
    model, recorded = loaded(model_of(whole, run), whole), whole[run]
    if run == 'without_prompts':
        model.distill_weight = 0.0  # the program computes it, and leaves it out of the sum
    views = [view(whole[name]) for name in ('query', 'key', 'masked')]
    assert_close(copy.deepcopy(model.encoder['joint'].backbone).eval()(views[0]), whole['features_eval'])
    losses = model.loss(views, draws=draws_of(recorded))
    assert set(losses) == set(LOSSES)
    assert_losses(
        {name: loss for name, loss in losses.items() if model.distill_weight or 'distill' not in name}, recorded
    )
    total = sum(losses.values())
    assert total.item() == pytest.approx(recorded['losses']['total'], rel=1e-5)
    total.backward()
    norms = {name: torch.tensor(norm) for name, norm in recorded['grad_norms'].items()}
    compare_gradients(model.encoder['joint'], rename_gru(part(norms, 'encoder_q.')))
    compare_gradients(model.decoder['joint'], rename_decoder(norms))
    if model.has_prompts:
        ours = {name: prompt.grad.norm().item() for name, prompt in model.prompts['joint'].named_parameters()}
        # Those of views vanish: batch statistics take away what all frames have in common.
        theirs = {f'{kind}.{name}': float(norms[key]) for kind, names in PROMPTS.items() for key, name in names.items()}
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    assert_close(model.keys['joint'], recorded['embeddings']['key'])
    model.after_update([model.to_enqueue()])
    assert_close(model.bank['joint'], recorded['queue_after'].T)
    assert int(model.bank.pointer) == recorded['queue_ptr_after']


# Properties.

SMALL = dict(decoder=dict(type='FrameDecoder', width=8), prompt_channels=4, mix_blocks=(1, 3), mask_blocks=4)
KEYS = dict(keys=torch.arange(6))


@pytest.fixture
def make(make_model):
    return lambda **options: make_model('PCM3', **SMALL | options)


@pytest.fixture
def three(views):
    return [*views, views[0] + 0.1 * torch.randn_like(views[0])]


def test_the_query_as_it_is_is_skeletonclr(make_model, make, three):
    plain, ours = make_model('SkeletonCLR'), make(prompt_channels=0)
    missing = ours.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert missing and all(name.startswith('decoder.') for name in missing)
    expected = plain(three[:2], mode='loss')['loss_joint']
    assert torch.equal(ours(three, KEYS, mode='loss')['loss_joint'], expected)
    assert torch.equal(ours.keys['joint'], plain.keys['joint'])


def test_a_mix_with_nothing_of_the_other_is_the_query(make, three):
    model = make(prompt_channels=0)
    draws = model.draw(three[0], KEYS)
    losses = model.loss(three, draws=draws._replace(mix=draws.mix._replace(share=torch.zeros_like(draws.mix.share))))
    torch.testing.assert_close(losses['loss_joint_mixed'], losses['loss_joint'])


def test_a_mix_with_nothing_of_itself_is_contrasted_with_the_key_of_the_other(make, three):
    model = make(prompt_channels=0)
    draws = model.draw(three[0], KEYS)
    mix = draws.mix._replace(share=torch.ones_like(draws.mix.share), frame=torch.arange(16).expand(6, -1))
    losses = model.loss(three, draws=draws._replace(mix=mix))
    # The same pairs, in another order.
    torch.testing.assert_close(losses['loss_joint_mixed'], losses['loss_joint'])


def test_draws_belong_to_clips(make, three):
    model = make()
    whole = model.draw(three[0], KEYS)
    chosen = torch.tensor([4, 1, 2])
    some = model.draw(three[0][chosen], dict(keys=KEYS['keys'][chosen]))
    assert torch.equal(some.hidden, whole.hidden[chosen])
    assert torch.equal(some.mix.share, whole.mix.share[chosen]) and torch.equal(some.mix.frame, whole.mix.frame[chosen])
    for name, place in whole.places.items():
        assert torch.equal(some.places[name], place[chosen])
    assert len({tuple(place.tolist()) for place in whole.places.values()}) == 6
    assert max(int(place.max()) for place in whole.places.values()) < 6


def test_the_first_person_alone_is_hidden(make_model):
    model = make_model('PCM3', **SMALL, num_persons=2)
    hidden = model.draw(torch.randn(6, 2, 16, 20, 3), KEYS).hidden
    assert hidden[:, 0].float().mean() == pytest.approx(0.6) and not hidden[:, 1].any()


def test_what_is_hidden_is_not_seen(make, three):
    model = make()
    draws = model.draw(three[0], KEYS)
    losses = []
    for noise in (0, torch.randn_like(three[2])):
        changed = three[2] + noise * draws.hidden[..., None]
        losses.append(model.loss([*three[:2], changed], draws=draws))
    for name, loss in losses[0].items():
        assert torch.equal(loss, losses[1][name]) == (name != 'loss_joint_reconstruction'), name


@pytest.mark.parametrize('prompt_channels', [0, 4])
def test_contrast_teaches_the_decoder_where_there_are_prompts(make, three, prompt_channels):
    model = make(prompt_channels=prompt_channels)
    loss = model(three, KEYS, mode='loss')['loss_joint_reconstructed']
    gradients = torch.autograd.grad(loss, list(model.decoder.parameters()), allow_unused=True, retain_graph=True)
    assert all((gradient is not None) == (prompt_channels > 0) for gradient in gradients)
    if prompt_channels:
        prediction = model.prompts['joint'].feature['prediction']
        assert torch.autograd.grad(loss, prediction, allow_unused=True) == (None,)


def test_modalities_learn_by_themselves(make, three):
    losses = make(modalities=['motion', 'bone'])(three, KEYS, mode='loss')
    forms = ['', '_masked', '_reconstructed', '_mixed', '_distill', '_reconstruction']
    assert set(losses) == {f'loss_{a}{form}' for a in ('motion', 'bone') for form in forms}


def test_weights_scale_their_losses(make, three):
    model = make(reconstruction_weight=3.0, distill_weight=0.5)
    before = model(three, KEYS, mode='loss')
    model.reconstruction_weight, model.distill_weight = 6.0, 1.0
    after = model(three, KEYS, mode='loss')
    doubled = {name for name in before if after[name].item() == pytest.approx(2 * before[name].item())}
    assert doubled == {'loss_joint_reconstruction', 'loss_joint_distill'}


@pytest.mark.parametrize(
    ('option', 'says'),
    [
        (dict(backbone=dict(type='STGCN', base_channels=2, out_channels=8)), 'STGCN has none: take BiGRU'),
        (dict(decoder=dict(type='FrameDecoder', in_channels=3)), 'model.decoder says in_channels: leave it out'),
        (dict(prompt_channels=16), 'prompt_channels=16 does not fit features of 16 channels'),
        (dict(mask_ratio=0), 'mask_ratio=0: some parts have to be hidden'),
        (dict(mask_ratio=1.0), 'mask_ratio=1.0'),
        (dict(mask_blocks=0), 'mask_blocks=0 is too small'),
        (dict(mix_parts=(2, 6)), r'mix_parts=\(2, 6\): .* a view has 5'),
        (dict(distill_weight=-1), 'distill_weight=-1'),
        (dict(reconstruction_weight=-1), 'reconstruction_weight=-1'),
        (dict(teacher_temperature=0), 'teacher_temperature=0'),
        (dict(student_temperature=-0.1), 'student_temperature=-0.1'),
        (
            dict(layout=dict(name='bare', joints=['a', 'b'], parents=[0, 0], center=0)),
            "'bare' has none: give it `groups`",
        ),
    ],
)
def test_values_out_of_range_are_refused(make, option, says):
    with pytest.raises(ConfigError, match=says):
        make(**option)


def test_views_too_short_for_a_region_are_refused(make, three):
    with pytest.raises(ConfigError, match=r'mix_blocks=\(7, 11\): .* blocks of 4 frames of a region; a view has 4'):
        make(mix_blocks=(7, 11))(three, KEYS, mode='loss')
