import numpy as np
import pytest
import torch

from mmskelssl.apis import SkeletonInferencer, extract_features
from mmskelssl.converters.ntu import write_skeleton_file
from mmskelssl.datasets import ClipStore
from mmskelssl.utils import ClipError, StoreError
from mmskelssl.utils.config import ConfigError


@pytest.fixture
def finder(pretraining_config, make_checkpoint, make_store):
    return SkeletonInferencer(
        checkpoint=make_checkpoint(pretraining_config), device='cpu', gallery=make_store(), gallery_split='train'
    )


@pytest.fixture
def classifier(classifier_config, make_checkpoint):
    path = make_checkpoint(classifier_config, dataset_meta=dict(classes=['wave', 'sit', 'jump']))
    return SkeletonInferencer(checkpoint=path, device='cpu')


def test_a_clip_of_the_gallery_is_its_own_neighbour(finder):
    found = finder(finder.gallery, k=2)
    assert [clip.name for clip in found] == finder.gallery.names.tolist()
    classes, names = finder.gallery.classes, finder.gallery.names.tolist()
    for row in finder.gallery.splits['train']:
        assert found[row].names[0] == found[row].name
        assert found[row].similarities[0] == pytest.approx(1, abs=1e-5)
        assert found[row].labels == [classes[finder.gallery.labels[names.index(n)]] for n in found[row].names]
    trained_on = set(finder.gallery.names[finder.gallery.splits['train']])
    assert all(set(clip.names) <= trained_on for clip in found)


def test_neighbours_are_the_nearest_by_cosine(finder):
    features = extract_features(finder.model, finder.gallery)['features']['joint'].double().numpy()
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    train = finder.gallery.splits['train']
    for query in finder.gallery.splits['test']:
        (found,) = finder.neighbours(finder.gallery[query], k=3)
        similarities = features[train] @ features[query]
        order = np.argsort(-similarities)[:3]
        assert found.name == 'clip 0' and found.names == finder.gallery.names[train[order]].tolist()
        np.testing.assert_allclose(found.similarities, similarities[order], atol=1e-5)


def test_stream_of_the_neighbours(pretraining_config, make_checkpoint, make_store, finder):
    bone = SkeletonInferencer(None, make_checkpoint(pretraining_config), 'cpu', make_store('other'), stream='bone')
    assert bone.stream == 'bone' and finder.stream == 'joint'
    query = bone.gallery[3]
    assert bone(query)[0].similarities != finder(query)[0].similarities
    with pytest.raises(ConfigError, match="no stream 'motion': its streams are .'joint', 'bone'."):
        SkeletonInferencer(pretraining_config, stream='motion')


def test_classes_are_those_of_the_highest_scores(classifier, classifier_config, make_store):
    store = ClipStore(make_store())
    predicted = classifier(store)
    assert [clip.name for clip in predicted] == store.names.tolist()
    feature = extract_features(classifier.model, store)['features']['joint']
    scores = classifier.model.head(feature).softmax(1)
    for clip, row in zip(predicted, scores, strict=True):
        best = row.argsort(descending=True)
        assert clip.labels == [['wave', 'sit', 'jump'][i] for i in best]  # all three, as five are too many
        torch.testing.assert_close(torch.tensor(clip.scores), row[best])


def test_a_raw_file_is_as_its_clip(classifier, tmp_path):
    clip = np.random.default_rng(0).normal(size=(1, 20, 25, 3)).cumsum(axis=1).astype(np.float32)
    path = tmp_path / 'S001C001P001R001A001.skeleton'
    write_skeleton_file(path, clip)
    (of_file,), (of_array,) = classifier(path, k=2), classifier(clip, k=2)
    assert of_file.name == 'S001C001P001R001A001' and len(of_file.labels) == 2
    assert of_file.labels == of_array.labels
    np.testing.assert_allclose(of_file.scores, of_array.scores, rtol=1e-5)
    assert [found.name for found in classifier([path, clip])] == ['S001C001P001R001A001', 'clip 1']


def test_classes_without_names_are_numbered(classifier_config):
    inferencer = SkeletonInferencer(classifier_config, device='cpu')
    (found,) = inferencer.classify(np.ones((1, 4, 25, 3)))
    assert set(found.labels) == {'class 0', 'class 1', 'class 2'}


def test_mistakes(pretraining_config, finder, tmp_path):
    clip = np.ones((1, 4, 25, 3))
    with pytest.raises(ConfigError, match='knows no classes'):
        finder.classify(clip)
    with pytest.raises(ConfigError, match='k=50 neighbours in a gallery of 6 clips'):
        finder(clip, k=50)
    with pytest.raises(ConfigError, match='pass gallery=STORE'):
        SkeletonInferencer(pretraining_config, device='cpu')(clip)
    with pytest.raises(ClipError, match="'number 0' has 3 joints"):
        finder(np.ones((1, 4, 3, 3)))
    (tmp_path / 'broken.skeleton').write_text('3')
    with pytest.raises(ClipError, match='broken'):
        finder(tmp_path / 'broken.skeleton')
    with pytest.raises(StoreError, match='No clip store at .*nowhere'):
        finder(tmp_path / 'nowhere')


@pytest.mark.parametrize(
    'inputs, message',
    [
        (None, 'a value of type NoneType is not an input'),
        (5, '5 is not an input'),
        (np.float32(0.5), 'is not an input'),
        ([5], '5 in the list is neither an array nor'),
        ([None], 'a value of type NoneType in the list'),
        (['clip.csv'], "'clip.csv' in the list"),
    ],
)
def test_other_inputs_are_refused_and_told_what_is_taken(finder, inputs, message):
    with pytest.raises(ClipError, match=f'{message}.*give a .skeleton file, an array'):
        finder(inputs)


def test_a_file_of_another_kind(finder, tmp_path):
    (tmp_path / 'readme.md').write_text('Hello')
    for path in (tmp_path / 'readme.md', str(tmp_path / 'readme.md')):
        with pytest.raises(ClipError, match='readme.md is not a .skeleton or .npy file'):
            finder(path)


def test_a_store_of_another_layout(finder, make_store):
    with pytest.raises(ConfigError, match="layout 'kinect20', the model 'ntu25'"):
        finder(make_store('other', layout='kinect20'))
