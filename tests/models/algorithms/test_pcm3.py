import copy

import pytest
import torch
from golden_contrast import (
    assert_close,
    build,
    compare_gradients,
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
    config = golden['config']
    model = build(
        golden,
        golden['query'],
        type='PCM3',
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
