import re

import pytest
from workshop import make_workshop, run


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    return make_workshop(tmp_path_factory.mktemp('workshop'), train=4, test=1)


def test_parts_by_hand(workshop):
    """SkeletonCLR on one modality: neck of 16 x 16 + 16 x 4, bank of 40 x 4."""
    sizes = {}
    for with_cp in (False, True):
        options = 'model.queue_size=65536', f'model.backbone.with_cp={with_cp}', 'model.backbone.hidden_channels=64'
        output = run(
            'analysis_tools/step_memory.py', workshop, 'pretrain.py', '--frames', 16, '--cfg-options', *options
        )
        sizes[with_cp] = dict(re.findall(r'^(\w+).*?([\d.,]+) MiB$', output, re.MULTILINE))
    assert sizes[False]['memory'] == f'{65536 * 4 * 4 / 2**20:.1f}'
    assert sizes[False]['query'] == sizes[True]['query']
    # Similarities over the temperature are kept by either, layers by one.
    assert 0.25 < float(sizes[True]['activations']) < 0.8 * float(sizes[False]['activations'])
