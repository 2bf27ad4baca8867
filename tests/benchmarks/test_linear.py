import pytest
from mmengine.config import Config
from workshop import make_workshop, write_checkpoint


@pytest.mark.slow
def test_exact_and_fast_protocol_take_turns(benchmark, tmp_path, monkeypatch):
    folder = make_workshop(tmp_path, train=16)
    monkeypatch.chdir(folder)
    checkpoint = write_checkpoint(folder / 'epoch_1.pth', Config.fromfile(folder / 'pretrain.py'))
    status, out, _ = benchmark('linear', checkpoint, '--epochs', 1)
    assert status == 0
    assert f'| {checkpoint} | linear | ' in out and f'| {checkpoint} | linear-fast | ' in out
    assert 'over the checkpoints: exact ' in out and 'exact / fast: ' in out
