from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmskelssl.apis import list_models
from mmskelssl.evaluation.zoo import find_config, load_zoo, paper_result, zoo_root
from mmskelssl.registry import MODELS
from mmskelssl.utils.config import ConfigError

CONFIGS = Path(__file__).parents[2] / 'configs'


@pytest.fixture(params=load_zoo().values(), ids=lambda entry: entry['Name'])
def entry(request) -> dict:
    return request.param


def test_every_method_and_config_of_pretraining_is_in_the_zoo():
    files = {path for path in CONFIGS.glob('*/*.py') if path.parent.name not in ('_base_', 'protocols')}
    assert {zoo_root() / entry['Config'] for entry in load_zoo().values()} == {
        zoo_root() / path.relative_to(CONFIGS.parent) for path in files
    }
    assert set(list_models()) == {path.stem for path in files}


def test_config_builds_and_is_what_the_entry_says(entry):
    cfg = Config.fromfile(find_config(entry['Name']))
    assert find_config(entry['Name']) == zoo_root() / entry['Config']
    with torch.device('meta'):
        assert isinstance(MODELS.build(cfg.model), torch.nn.Module)
    assert entry['Metadata']['Epochs'] == cfg.train_cfg.max_epochs
    assert entry['Metadata']['Batch Size'] == cfg.auto_scale_lr.base_batch_size


def test_every_result_says_whose_it_is(entry):
    for result in entry.get('Results', []):
        assert {'Task', 'Dataset', 'Modality', 'Metrics'} < set(result)
        assert ('Paper' in result) != ('Ours' in result)
        if 'Ours' in result:
            assert set(result['Ours']) == {'Command', 'Seeds', 'Machine', 'Date', 'Commit'}
        assert 0 < result['Metrics']['Top 1 Accuracy'] < 100


def test_our_results_are_those_of_the_page_of_results():
    page = (CONFIGS.parent / 'docs' / 'results.md').read_text(encoding='utf-8').replace('**', '')
    ours = [result for entry in load_zoo().values() for result in entry.get('Results', []) if 'Ours' in result]
    assert ours
    for result in ours:
        metrics = result['Metrics']
        deviation = f' ± {metrics["Deviation"]}' if 'Deviation' in metrics else ''
        assert f'| {metrics["Top 1 Accuracy"]}{deviation} |' in page


def test_results_of_papers():
    xsub = ('ntu60', 'xsub_test')
    assert paper_result('cmd_bigru_1xb256-500e_ntu60-xsub.py', 'semi1', 'joint', *xsub) == (50.6, 'I²MD, table 4')
    i2md = 'i2md_gcn-transformer_1xb256-500e_ntu60-xview'
    assert paper_result(i2md, 'knn', 'joint', 'ntu60', 'xview_test')[0] == 83.8
    assert paper_result('cmd_bigru_1xb256-500e_ntu60-xsub', 'semi1-cmd', 'joint', *xsub)[0] == 50.6
    fused = 'crossclr_stgcn_1xb128-300e_ntu60-xsub'
    assert paper_result(fused, 'linear-crossclr-3s', 'joint+motion+bone', *xsub)[0] == 77.8
    i2md = 'i2md_gcn-transformer_1xb256-500e_ntu60-xsub'
    assert paper_result(i2md, 'transfer', 'joint', 'pku_mmd2', 'xsub_test')[0] == 60.7
    # No paper's: what was measured on another set or split or modality, our own results, users' configs.
    assert paper_result(i2md, 'linear', 'joint', 'ntu120', 'xsub_test') is None
    assert paper_result(i2md, 'linear', 'joint', 'ntu60', 'xview_test') is None
    assert paper_result(i2md, 'linear', 'bone', *xsub) is None
    own = 'skeletonclr_bigru128_1xb64-100e_nw-ucla-xview'
    assert paper_result(own, 'knn', 'motion', 'nw_ucla', 'xview_test') is None
    assert paper_result('mine.py', 'knn', 'joint', *xsub) is None and paper_result('', 'knn', 'joint', *xsub) is None


def test_tasks_are_protocols_of_the_toolbox():
    """The report looks a paper's figure up under the name of the protocol."""
    protocols = {path.stem for path in (CONFIGS / 'protocols').glob('*.py')}
    tasks = {result['Task'] for entry in load_zoo().values() for result in entry.get('Results', [])}
    assert {task.removesuffix('-2s').removesuffix('-3s') for task in tasks} <= protocols


def test_names():
    assert list_models('cmd_*_ntu120-*') == [
        'cmd_bigru_1xb256-500e_ntu120-xset',
        'cmd_bigru_1xb256-500e_ntu120-xsub',
    ]
    assert find_config('somewhere/mine.py') == Path('somewhere/mine.py')
    assert find_config('linear') == zoo_root() / 'configs/protocols/linear.py'
    with pytest.raises(ConfigError, match="no config 'cmd'"):
        find_config('cmd')
