import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.utils.errors import ReportError
from mmskelssl.visualization.report import clips, figures, write_html
from mmskelssl.visualization.report.clips import MAX_FRAMES, PlayableClips
from mmskelssl.visualization.report.page import page_data


@pytest.fixture
def data(report, report_folder) -> dict:
    return page_data(report, report_folder)


def titles(data, numbers):
    return [data['clips'][number]['title'].split(' · ')[1] for number in numbers]


def test_page_needs_no_network_and_holds_its_data(report, report_folder):
    write_html(report, report_folder / 'report.html')
    text = (report_folder / 'report.html').read_text(encoding='utf-8')
    assert set(re.findall(r'https?://[^\'"\s]+', text)) == {'http://www.w3.org/2000/svg'}  # a name, not an address
    assert not re.search(r'(src|href)="(?!data:)|@import|url\(', text)
    (held,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert json.loads(held) == json.loads(json.dumps(page_data(report, report_folder)))
    assert text.count('</script>') == text.count('<script')


def test_points_are_test_clips_of_their_class(data, report_folder):
    (embedding,) = data['embeddings']
    test = np.load(report_folder / 'test.npz')
    assert titles(data, embedding['clips']) == test['names'].tolist()
    assert embedding['labels'] == test['labels'].tolist()
    for method in ('t-SNE', 'PCA'):
        points = np.array(embedding['points'][method])
        assert points.shape == (12, 2) and points.min() >= 0 and points.max() <= 1
    # Features of the classes are three heaps, and so are their points.
    points, labels = np.array(embedding['points']['PCA']), test['labels']
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(3)])
    assert (np.linalg.norm(points[:, None] - centres, axis=2).argmin(1) == labels).all()


def test_neighbours_are_the_nearest_training_clips(data, report_folder):
    (retrieval,) = data['retrievals']
    assert [row['label'] for row in retrieval['rows']] == [0, 1, 2]
    test, train = (np.load(report_folder / f'{side}.npz') for side in ('test', 'train'))
    for row in retrieval['rows']:
        (name,) = titles(data, [row['query']])
        query = test['features'][test['names'].tolist().index(name)].astype(float)
        features = train['features'].astype(float)
        cosines = features @ query / np.linalg.norm(features, axis=1) / np.linalg.norm(query)
        order = np.argsort(-cosines)[:5]
        assert titles(data, [n['clip'] for n in row['neighbours']]) == train['names'][order].tolist()
        assert [n['label'] for n in row['neighbours']] == train['labels'][order].tolist()
        np.testing.assert_allclose([n['similarity'] for n in row['neighbours']], cosines[order], atol=2e-3)


def test_figures_take_what_any_result_kept(report, report_folder, data):
    """A probe of several crops keeps the features of the test side only."""
    linear, knn = report.results
    probe = replace(linear, files={name: linear.files[name] for name in ('test_features', 'predictions')})
    other = page_data(replace(report, results=[probe, knn]), report_folder)
    assert other['retrievals'] == data['retrievals']
    alone = page_data(replace(report, results=[probe]), report_folder)
    assert alone['retrievals'] == []
    ((one,), (other,)) = (held['embeddings'] for held in (alone, data))
    assert titles(alone, one.pop('clips')) == titles(data, other.pop('clips')) and one == other


def test_cells_hold_the_clips_that_were_so_classified(data, report_folder):
    linear, knn = data['outcomes']
    names = np.load(report_folder / 'test.npz')['names'].tolist()
    assert titles(data, linear['examples']['0,2']) == [names[0]]
    assert titles(data, linear['examples']['1,2']) == [names[1]]
    assert set(linear['examples']) == {'0,0', '1,1', '2,2', '0,2', '1,2'}
    assert titles(data, linear['examples']['2,2']) == names[2::3]
    assert linear['confusion'] == [[7, 0, 1], [0, 7, 1], [0, 0, 8]] and linear['classes'] == [87.5, 87.5, 100.0]
    assert knn['examples'] == {}


def test_long_clips_are_thinned_and_last_as_long(data, report_folder):
    store = ClipStore(report_folder / 'store')
    lengths = dict(zip(store.names.tolist(), store.num_frames.tolist(), strict=True))
    assert {min(length, MAX_FRAMES) for length in lengths.values()} == {10, MAX_FRAMES}
    for clip in data['clips']:
        length = lengths[clip['title'].split(' · ')[1]]
        assert clip['shape'][1] == min(length, MAX_FRAMES)
        assert clip['shape'][1] / clip['fps'] == pytest.approx(length / 30, rel=1e-2)


def test_rows_have_the_papers_figure(data):
    assert [row['paper'] for row in data['protocols']] == ['79.4 (I²MD, table 1)', '70.6 (I²MD, table 2)']


def test_curves_of_one_scale_share_a_diagram(report, report_folder):
    names = ['knn/joint_top1', 'knn/bone_top1', 'monitor/joint_rank', 'monitor/bank_age_steps', 'loss', 'loss_joint']
    curves = {name: [[1, 1.0], [2, float(number)]] for number, name in enumerate(names)}
    curves['loss_joint'] = curves['loss']  # all of it
    data = page_data(replace(report, curves=curves), report_folder)
    assert {chart['title']: list(chart['series']) for chart in data['curves']} == {
        'Loss': ['loss'],
        'Accuracy on the test side (%)': names[:2],
        'Effective rank of embeddings': ['monitor/joint_rank'],
    }


def test_a_store_that_moved_leaves_a_page_without_clips(report, report_folder):
    moved = replace(report, data=replace(report.data, store='nowhere'))
    data = page_data(moved, report_folder)
    assert data['missing'].startswith('No clip store at nowhere') and data['clips'] == []
    assert data['embeddings'][0]['clips'] == [None] * 12


def test_missing_features_are_named(report, report_folder):
    (report_folder / 'test.npz').unlink()
    with pytest.raises(ReportError, match=r'test\.npz is missing'):
        write_html(report, report_folder / 'report.html')
    assert not (report_folder / 'report.html').exists()


def test_a_picture_of_the_first_classes_and_one_of_all(report, report_folder, monkeypatch):
    monkeypatch.setattr(figures, 'EMBEDDED_CLASSES', 2)
    data = page_data(report, report_folder)
    first, everything = data['embeddings']
    assert (first['classes'], everything['classes']) == ('first 2 classes', 'all 3 classes')
    assert set(first['labels']) == {0, 1} and set(everything['labels']) == {0, 1, 2}
    assert [row['label'] for row in data['retrievals'][0]['rows']] == [0, 1, 2]
    # Of the third class all clips can be played.
    assert len(data['outcomes'][0]['examples']['2,2']) == 4


def test_every_cell_has_a_clip_before_one_has_two(report, report_folder):
    clips = PlayableClips(report.data)
    (examples,) = figures.outcomes(replace(report, results=report.results[:1]), report_folder, clips)
    assert sorted(map(len, examples['examples'].values())) == [1, 1, 4, 4, 4]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, 'MAX_EXAMPLES', 6)
        few = figures.outcomes(replace(report, results=report.results[:1]), report_folder, PlayableClips(report.data))
    # The 3 fullest cells and the 2 confusions, whose clips are right in the other run.
    lengths = {cell: len(found) for cell, found in few[0]['examples'].items()}
    assert set(lengths) == {'0,0', '1,1', '2,2', '0,2', '1,2'} and sum(lengths.values()) <= 8


def test_no_two_classes_have_the_same_mark():
    marks = figures._marks(np.arange(100, 220)).values()
    assert len({(mark['color'], mark['shape']) for mark in marks}) == 120
    assert len({mark['color'] for mark in marks}) == 10


def test_accuracies_are_drawn_from_zero(data):
    assert {chart['title']: chart['low'] for chart in data['curves']} == {
        'Loss': None,
        'Accuracy on the test side (%)': 0,
    }


def test_few_points_have_a_clip_and_all_have_a_place(report, report_folder, monkeypatch):
    monkeypatch.setattr(figures, 'MAX_PLAYED', 5)
    (embedding,) = page_data(report, report_folder)['embeddings']
    assert sum(clip is not None for clip in embedding['clips']) == 5
    assert len(embedding['labels']) == len(embedding['clips']) == len(embedding['points']['t-SNE']) == 12


def test_clips_of_a_page_have_a_limit_and_retrievals_come_first(report, report_folder, monkeypatch):
    whole = page_data(report, report_folder)
    sizes = [8 * math.prod(clip['shape']) for clip in whole['clips']]
    retrieved = 1 + max(n['clip'] for row in whole['retrievals'][0]['rows'] for n in row['neighbours'])
    limit = sum(sizes[: retrieved + 2])
    monkeypatch.setattr(clips, 'MAX_BYTES', limit)
    data = page_data(report, report_folder)
    held = sum(len(clip['data']) for clip in data['clips'])
    assert limit - max(sizes) < held <= limit + 4 * len(sizes)  # base64 counts in groups of four
    assert data['retrievals'] == whole['retrievals']
    assert None in data['embeddings'][0]['clips'] and None not in whole['embeddings'][0]['clips']
