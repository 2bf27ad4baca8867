"""Exported files beside the models that they were made of, in other numbers of clips, persons and frames."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmskelssl.apis import SkeletonInferencer, extract_features, init_model
from mmskelssl.apis.models import normalizations
from mmskelssl.datasets import ClipStore
from mmskelssl.deployment import FORMATS, ClipModel, ExportedModel, export_model
from mmskelssl.deployment.exported_model import SUFFIXES
from mmskelssl.models import backbones
from mmskelssl.registry import MODELS
from mmskelssl.utils import CheckpointError, ConfigError

NUM_FRAMES = 16
# Of the arguments that a backbone has, those that make it small.
SMALL = dict(
    num_frames=NUM_FRAMES, hidden_channels=4, base_channels=4, gcn_channels=4, channels=(4, 4), width=8, num_layers=1,
    num_heads=2, ffn_channels=8,
)  # fmt: skip
NORMALIZATIONS = dict(
    pre=[dict(type='PreNormalize')],
    center=[dict(type='CenterClip'), dict(type='AlignShoulders')],
    upper=[dict(type='CenterClip', joint='upper', each_frame=True), dict(type='ScaleBones')],
    crossclr=[
        dict(type='CenterPersons'),
        dict(type='ResizeClips', num_frames=12),
        dict(type='AlignShoulders', each_frame=True),
    ],
)
# Backbones that no graph is made of, by name, each with its reason.
NOT_EXPORTABLE: dict[str, str] = {}


def registered_backbones() -> dict[str, type[nn.Module]]:
    """Name to class of all backbones of the registry."""
    package = backbones.__name__
    kinds = {name: kind for name, kind in MODELS.module_dict.items() if inspect.isclass(kind)}
    return {name: kind for name, kind in sorted(kinds.items()) if kind.__module__.startswith(f'{package}.')}


def settings(kind: type[nn.Module], **more: object) -> dict:
    """Arguments of a small one, those of its base classes among them."""
    taken = {name for base in kind.__mro__ for name in inspect.signature(base.__init__).parameters}
    return {name: value for name, value in (SMALL | more).items() if name in taken}


def make_model(backbone: dict, normalize: list[dict] = NORMALIZATIONS['center'], **model: object):
    """A SkeletonCLR, or another model, with statistics as training leaves them."""
    torch.manual_seed(0)
    built = MODELS.build(
        dict(
            dict(type='SkeletonCLR', queue_size=8, feat_dim=4),
            backbone=backbone,
            data_preprocessor=dict(
                type='SkeletonDataPreprocessor',
                test_pipeline=[dict(type='CenterCropResize', num_frames=NUM_FRAMES, ratio=0.95)],
            ),
            **model,
        )
    )
    for norm in built.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.5, 2)
    return ClipModel(built.eval(), normalize)


def hard_clips(*shape: int) -> torch.Tensor:
    """Clips (N, M, T, 25, 3) with absent persons, some for a while, and lost joints."""
    clips = torch.randn(*shape, 25, 3, generator=torch.Generator().manual_seed(5))
    clips[0, 0, :, :3] = 0
    clips[-1, 0] = 0  # a hole before the second person
    clips[-1, -1, : shape[2] // 2] = 0
    clips[-1, -1, -1] = 1
    return clips


def exported(model: ClipModel, tmp_path: Path, format: str) -> ExportedModel:
    if format == 'onnx':
        for module in ('onnx', 'onnxscript', 'onnxruntime'):
            pytest.importorskip(module, reason=f'{module} is not installed: no ONNX (requirements/optional.txt)')
    path = tmp_path / f'model{SUFFIXES[format]}'
    export_model(model, path, format)
    return ExportedModel(path)


@torch.no_grad()
def assert_same(file: ExportedModel, model: ClipModel) -> None:
    for shape in ((5, 2, 33), (1, 1, 8), (2, 3, 2)):
        clips = hard_clips(*shape)
        expected, found = model(clips), file(clips)
        assert list(found) == list(expected) == file.outputs
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5 * float(value.abs().max()))


@pytest.mark.slow
@pytest.mark.parametrize('format', FORMATS)
@pytest.mark.parametrize('name', registered_backbones())
def test_every_backbone(name, format, tmp_path):
    model = make_model(dict(type=name, **settings(registered_backbones()[name])))
    if name in NOT_EXPORTABLE:
        with pytest.raises(ConfigError):
            exported(model, tmp_path, format)
        return
    assert_same(exported(model, tmp_path, format), model)


@pytest.mark.slow
@pytest.mark.parametrize('format', FORMATS)
@pytest.mark.parametrize('normalize', NORMALIZATIONS.values(), ids=NORMALIZATIONS)
def test_every_normalization_in_all_streams(normalize, format, tmp_path):
    model = make_model(dict(type='TCN', channels=(4,)), normalize, modalities=['joint', 'motion', 'bone'])
    file = exported(model, tmp_path, format)
    assert file.streams == ['joint', 'motion', 'bone'] and not file.is_classifier
    assert_same(file, model)


@pytest.mark.parametrize('normalize', NORMALIZATIONS.values(), ids=NORMALIZATIONS)
def test_the_graph_gives_what_the_model_gives_for_its_data(normalize, pretraining_config, make_store):
    """Of a store: normalized there, drawn to views there, persons dropped there who are never seen."""
    pretraining_config.test_dataloader.dataset.normalize = normalize
    model = init_model(pretraining_config, device='cpu')
    store = ClipStore(make_store(lengths=(5, 9, 30)))
    graph = ClipModel(model, normalizations(model))
    for index, clip in enumerate(store[i] for i in range(len(store))):
        expected = extract_features(model, [clip])['features']
        padded = np.concatenate([np.zeros_like(clip[:1]), clip])
        found = graph(torch.from_numpy(padded)[None])
        assert expected.keys() == found.keys(), index
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)


def test_only_what_features_need_is_kept():
    names = [*make_model(dict(type='BiGRU', hidden_channels=4), neck=dict(type='ProjectionNeck')).state_dict()]
    assert names and all(name.startswith('model.encoder.joint.backbone.') for name in names)


@pytest.fixture
def classifier(classifier_config, make_checkpoint):
    return make_checkpoint(
        classifier_config, dataset_meta=dict(classes=['wave', 'sit', 'jump']), card=dict(of='a test')
    )


@pytest.mark.slow
@pytest.mark.parametrize('format', FORMATS)
def test_an_inferencer_runs_a_file_of_the_tool(classifier, format, tmp_path, make_store, run_tool):
    path = classifier.with_suffix(SUFFIXES[format])
    if format == 'onnx':
        pytest.importorskip('onnxruntime', reason='onnxruntime is not installed: no ONNX (requirements/optional.txt)')
    status, out, err = run_tool('deployment/export.py', classifier, '--format', format)
    assert status == 0, err
    assert f'{path}: ' in out and 'joint (8,), scores (3,) of a clip' in out
    store, fresh = (
        ClipStore(make_store()),
        SkeletonInferencer(checkpoint=classifier, device='cpu', gallery=make_store('g')),
    )
    file = SkeletonInferencer(checkpoint=path, gallery=fresh.gallery)
    assert file.model.card == dict(of='a test') and file.is_classifier
    for found, expected in zip(file(store), fresh(store), strict=True):
        assert (found.name, found.labels) == (expected.name, expected.labels)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    for found, expected in zip(file.neighbours(store, 1), fresh.neighbours(store, 1), strict=True):
        np.testing.assert_allclose(found.similarities, expected.similarities, atol=1e-5)
    assert file.speed.clips == len(store)
    features = extract_features(file.model, store)
    torch.testing.assert_close(features['features'], extract_features(fresh.model, store)['features'])
    assert torch.equal(features['labels'], torch.from_numpy(store.labels))


def test_mistakes(tmp_path, classifier):
    model = make_model(dict(type='TCN', channels=(4,)))
    with pytest.raises(ConfigError, match=r'model\.pt2: a file of format onnx ends in \.onnx'):
        export_model(model, tmp_path / 'model.pt2', 'onnx')
    with pytest.raises(CheckpointError, match='not found'):
        ExportedModel(tmp_path / 'nowhere.pt2')
    for name in ('damaged.pt2', 'damaged.onnx'):
        (tmp_path / name).write_bytes(b'nothing')
        with pytest.raises(CheckpointError, match=f'{name} (cannot be read|needs onnxruntime)'):
            ExportedModel(tmp_path / name)
    with pytest.raises(CheckpointError, match='not a file of tools/deployment/export.py'):
        torch.export.save(torch.export.export(nn.Identity(), (torch.ones(1),)), tmp_path / 'other.pt2')
        ExportedModel(tmp_path / 'other.pt2')


def test_views_by_chance_are_refused(pretraining_config):
    pretraining_config.data_preprocessor.test_pipeline = [dict(type='TemporalCropResize', num_frames=8)]
    with pytest.raises(ConfigError, match='drawn at random cannot be exported'):
        ClipModel(init_model(pretraining_config, device='cpu'))
    pretraining_config.data_preprocessor.test_pipeline = None
    with pytest.raises(ConfigError, match='set test_pipeline of data_preprocessor'):
        ClipModel(init_model(pretraining_config, device='cpu'))
