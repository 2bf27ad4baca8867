import re

import pytest


@pytest.mark.slow
def test_formats_take_turns_with_the_model(benchmark):
    for module in ('onnx', 'onnxscript', 'onnxruntime'):
        pytest.importorskip(module, reason=f'{module} is not installed: no ONNX (requirements/optional.txt)')
    config = 'skeletonclr_bigru64_1xb64-30e_synthetic-xsub'
    status, out, _ = benchmark('latency', config, '--batch-sizes', 2, 3, '--frames', 9, '--repeats', 2)
    assert status == 0 and re.findall(r'^\d+ clips at once', out, re.MULTILINE) == [
        '2 clips at once',
        '3 clips at once',
    ]
    assert re.findall(r'^(\S+) .* \d+\.\d\d$', out, re.MULTILINE) == ['model', 'onnx', 'torch-export'] * 2
