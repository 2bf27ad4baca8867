"""Checkpoints of PCM³: what they are made to, and what is refused."""

import pytest
import torch
from golden_contrast import assert_close, load, recordings, view
from official_programs import Program
from torch import nn

from mmskelssl.cli.official_weights import METHODS, build_converted, convert_official
from mmskelssl.utils.errors import CheckpointError

WHOLE = [path for path in recordings('pcm3') if path.id != 'slice']
PROMPTS = dict(
    base_prompt='query', mask_prompt='masked', recons_prompt='reconstructed', mix_prompt='mixed',
)  # fmt: skip


def checkpoint() -> dict:
    """Of CMD's encoders, of the decoder and prompts as the program has them."""
    program = Program('cmd', ['joint'])
    program.linear = nn.Sequential(nn.Linear(8, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 5))
    program.recons_decoder = nn.Module()
    program.recons_decoder.decoder = nn.GRU(5, 5, 2, batch_first=True)
    program.recons_decoder.reconstruction = nn.Linear(5, 150)
    for name in PROMPTS:
        program.register_parameter(name, nn.Parameter(torch.randn(1, 1, 150)))
    for name in ('cl_prompt', 'mp_prompt'):
        program.register_parameter(name, nn.Parameter(torch.randn(1, 4)))
    return program.checkpoint()


def test_converted_checkpoint_describes_its_model():
    official = checkpoint()
    converted, config, remarks = convert_official('pcm3', {f'module.{key}': x for key, x in official.items()})
    assert len(remarks) == 1 and 'does not say its modality' in remarks[0]
    assert config['type'] == 'PCM3' and config['prompt_channels'] == 4 and config['decoder']['width'] == 5
    assert sorted(x.sum().item() for x in converted.values()) == pytest.approx(
        sorted(x.sum().item() for x in official.values()), abs=1e-5
    )
    model = build_converted(converted, config, 'checkpoint').train()
    assert int(model.bank.pointer) == 5 and torch.equal(model.bank['joint'].T, official['queue'])
    for theirs, ours in PROMPTS.items():
        prompt = model.prompts['joint'].view[ours]
        for person, joint, coordinate in ((0, 0, 0), (1, 3, 2), (0, 24, 1)):
            place = (joint * 3 + coordinate) * 2 + person
            assert prompt[person, 0, joint, coordinate] == official[theirs][0, 0, place]
    losses = model([torch.randn(4, 2, 64, 25, 3) for _ in range(3)], dict(keys=torch.arange(4)), mode='loss')
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize('other', [method for method in METHODS if method != 'pcm3'])
def test_other_methods_refuse_the_checkpoint(other):
    with pytest.raises(CheckpointError, match=f'This is a checkpoint of pcm3, not of {other}: convert it as pcm3'):
        convert_official(other, checkpoint())


def test_checkpoints_of_others_are_refused():
    with pytest.raises(CheckpointError, match='not a checkpoint of pcm3: it has no recons_decoder'):
        convert_official('pcm3', Program('cmd', ['joint']).checkpoint())


def test_missing_and_unknown_keys_are_named():
    weights = checkpoint()
    with pytest.raises(CheckpointError, match='Unknown key extra in the official checkpoint'):
        convert_official('pcm3', weights | dict(extra=torch.zeros(1)))
    for name in ('mix_prompt', 'queue'):
        with pytest.raises(CheckpointError, match=f'The checkpoint is incomplete: it lacks {name}'):
            convert_official('pcm3', {key: x for key, x in weights.items() if key != name})
    without = {key: x for key, x in weights.items() if key != 'linear.3.bias'}
    converted, config, _ = convert_official('pcm3', without)
    with pytest.raises(CheckpointError, match='it lacks decoder.joint.embedding.3.bias'):
        build_converted(converted, config, 'checkpoint')


@pytest.mark.parametrize('path', WHOLE)
def test_features_are_those_of_the_official_program(path):
    golden = load(path)
    if golden['query'].shape[3] != 25:
        with pytest.raises(CheckpointError, match='another skeleton layout'):
            convert_official('pcm3', golden['official_state_dict'])
        return
    weights, config, _ = convert_official('pcm3', golden['official_state_dict'])
    model = build_converted(weights, config, 'checkpoint').double().eval()
    assert_close(model(view(golden['query']))['joint'], golden['features_eval'])
