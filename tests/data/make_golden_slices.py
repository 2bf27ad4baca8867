"""Cuts the slices ``golden_*.pt`` from the recordings of the official programs.

A slice keeps the losses and what they are made of, but only one encoder: the joint query encoder, with its view, its
gradient norms and its features. The other encoders are replaced by the embeddings that they give of their views, which
the tests marked ``shared`` prove to be the official ones. Programs with other encoders have a function each that says
what is kept.

Usage: PYTHONPATH=tests python tests/data/make_golden_slices.py GOLDEN_FOLDER
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import torch
from golden import ROLES, settings

from mmskelssl.cli.official_weights import build_converted, convert_official
from mmskelssl.utils import register_all_modules

VIEW_OF_ENCODER = dict(encoder_q='query', encoder_k='key', encoder_p='second_key')
KEPT = ('config', 'losses', 'stage1', 'stage2', 'features_eval', 'queue_after', 'queue_ptr_after')


def cut(method: str, golden: dict) -> dict:
    weights = golden['official_state_dict']
    converted, config, _ = convert_official(method, weights)
    config |= settings(golden['config'])
    model = build_converted(converted, config, method).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with torch.no_grad():
        embeddings = {
            role: model.encode(getattr(model, ROLES[role]), golden[view].permute(0, 4, 2, 3, 1).contiguous())
            for role, view in VIEW_OF_ENCODER.items()
            if hasattr(model, ROLES[role])
        }
    joint = {key: value for key, value in weights.items() if key.startswith(('encoder_q.', 'queue'))}
    kept = {key: golden[key] for key in KEPT if key in golden}
    if 'grad_norms' in golden:
        kept['grad_norms'] = golden['grad_norms']
    return _only_joint(kept) | dict(
        query=golden['query'], official_state_dict=joint, embeddings=_copied(embeddings), model=config
    )


def cut_mamp(golden: dict) -> dict:
    """MAMP and MAE on the weights of the recording, without what follows from the losses and features that are kept."""
    runs = {name: golden['runs'][name] for name in ('mamp', 'mae')}
    kept = ('encoder_visible', 'prediction', 'target', 'ids_restore')
    runs = {name: {key: value for key, value in run.items() if key not in kept} for name, run in runs.items()}
    parts = {part: golden[part] for part in ('config', 'official_state_dict', 'inputs')}
    return _copied(parts | dict(runs=runs, features_eval=dict(mean=golden['features_eval']['mean'])))


def cut_skeleton2vec(golden: dict) -> dict:
    """Two runs on the weights of the recording, without what follows from losses and features that are kept."""
    kept = ('strategy', 'num_masked_views', 'uniform', 'mask', 'loss', 'grad_norms')
    runs = {name: {key: golden['runs'][name][key] for key in kept} for name in ('random', 'tube')}
    runs['tube'].pop('grad_norms')
    parts = {part: golden[part] for part in ('config', 'inputs', 'ema')}
    # The teacher's decoder is not used.
    weights = {
        key: value
        for key, value in golden['official_state_dict'].items()
        if not key.startswith(('ema.model.decoder', 'ema.model.mask'))
    }
    mean = dict(mean=golden['features_eval']['mean'])
    return _copied(parts | dict(official_state_dict=weights, runs=runs, features_eval=mean))
def cut_umurl(golden: dict) -> dict:
    """The losses with their embeddings; the weights with two clips of a view and their features."""
    kept = ('config', 'official_state_dict', 'embeddings', 'losses')
    return _copied({key: golden[key] for key in kept}) | dict(
        view=golden['views'][0][:2].clone(),
        features_eval=golden['features_eval'][:2].clone(),
        features_eval_single={name: z[:2].clone() for name, z in golden['features_eval_single'].items()},
    )


def cut_aimclr(golden: dict) -> dict:
    """The losses with the embeddings and the queue that they follow from, and a map with its dropped version."""
    stages = {key: _only_losses(golden[key]) for key in ('stage1', 'stage2')}
    return _losses_and_embeddings(golden) | stages | dict(drop=_copied(golden['drop']))


def cut_queues(golden: dict) -> dict:
    """The losses with the embeddings and the queues that they follow from."""
    return _losses_and_embeddings(golden) | dict(losses=golden['losses'])


def cut_pcm3(golden: dict) -> dict:
    """The losses with the embeddings and the queue that they follow from, and one coordinate of the mixes."""
    kept = ('shift', 'weight', 'embeddings', 'losses')
    runs = {run: {key: golden[run][key] for key in kept} for run in ('without_prompts', 'with_prompts')}
    mixing = [case | {key: case[key][:, :1].clone() for key in ('input', 'output')} for case in golden['mixing']]
    return _losses_and_embeddings(dict(golden, embeddings={})) | _copied(runs) | dict(mixing=mixing)


def cut_pstl(golden: dict) -> dict:
    """The cut of frames of two clips: what the losses are made of is not on record."""
    views = {key: golden[key][:2] for key in ('temporal_view', 'temporal_masked')}
    kept = dict(config=golden['config'], frames_kept_of_the_still=golden['frames_kept_of_the_still'])
    return _copied(kept | views | dict(official_state_dict={}))


def _losses_and_embeddings(golden: dict) -> dict:
    """Settings, embeddings and queues, and one clip of the query for its shape."""
    weights = golden['official_state_dict']
    queue = {key: value for key, value in weights.items() if 'queue' in key.lower()}
    kept = dict(config=golden['config'], embeddings=golden['embeddings'], official_state_dict=queue)
    return _copied(kept | dict(query=golden['query'][:1]))


def _only_losses(stage: dict) -> dict:
    """Without gradients and queues, at any depth."""
    kept = {key: value for key, value in stage.items() if key not in ('grad_norms', 'queue_after', 'queue_ptr_after')}
    return {
        key: _only_losses(value) if isinstance(value, dict) and key != 'losses' else value for key, value in kept.items()
    }


def cut_slim(golden: dict) -> dict:
    """Both runs on the weights of the recording; of tokens those of the last layer."""
    runs = {
        name: {key: value for key, value in run.items() if key not in ('class_targets', 'patch_targets')}
        for name, run in golden['runs'].items()
    }
    last = {key: value.clone() for key, value in golden['features_eval'][-1].items()}
    student = {key: value.clone() for key, value in golden['masked_student'].items()}
    inputs = {key: value for key, value in golden['inputs'].items() if key.startswith(('collated', 'local'))}
    kept = {key: golden[key] for key in ('config', 'official_state_dict', 'two_persons')}
    return _copied(kept | dict(inputs=inputs, runs=runs, masked_student=student)) | dict(features_eval=[last])


def cut_usdrl(golden: dict) -> dict:
    """The plain encoder: the losses with their embeddings; the weights with a clip of a view and its features."""
    kept = ('config', 'official_state_dict', 'embeddings', 'losses', 'dense_eval')
    return _copied({key: golden['sttr'][key] for key in kept}) | dict(
        view=golden['views'][0][:1].clone(), features_eval=golden['sttr']['features_eval'][:1].clone()
    )


def _only_joint(kept: dict) -> dict:
    """Without the gradient norms and features of the other encoders, at any depth."""
    out = {}
    for key, value in kept.items():
        if key == 'grad_norms':
            out[key] = {name: norm for name, norm in value.items() if name.startswith('encoder_q.')}
        elif key == 'features_eval':
            out[key] = dict(joint=value['joint'])
        else:
            out[key] = _only_joint(value) if isinstance(value, dict) else value
    return out


def _copied(tree):
    """Tensors without a larger one behind them, which would be saved as a whole."""
    if isinstance(tree, dict):
        return {key: _copied(value) for key, value in tree.items()}
    return tree.clone() if isinstance(tree, torch.Tensor) else tree


def main() -> None:
    torch.set_num_threads(1)
    register_all_modules()
    cuts = {method: partial(cut, method) for method in ('cmd', 'crossclr', 'mmcv_mutual')}
    cuts |= dict(mamp=cut_mamp, stars=_copied, umurl=cut_umurl, aimclr=cut_aimclr, isc=cut_queues)
    cuts |= dict(pcm3=cut_pcm3, scd_net=cut_queues, pstl=cut_pstl)
    cuts |= dict(skeleton2vec=cut_skeleton2vec, slim=cut_slim, usdrl=cut_usdrl)
    for method, cut_out in cuts.items():
        golden = torch.load(Path(sys.argv[1]) / f'{method}.pt', weights_only=True)
        torch.save(cut_out(golden), Path(__file__).with_name(f'golden_{method}.pt'))


if __name__ == '__main__':
    main()
