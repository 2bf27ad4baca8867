import pytest
from mmengine.config import Config
from workshop import make_workshop


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    return make_workshop(tmp_path_factory.mktemp('workshop'), train=5, test=3)


@pytest.fixture
def load(workshop, monkeypatch):
    """Gives the config with overrides, in the folder where its store is."""
    monkeypatch.chdir(workshop)

    def load(**overrides):
        cfg = Config.fromfile(workshop / 'pretrain.py')
        cfg.merge_from_dict({key.replace('__', '.'): value for key, value in overrides.items()})
        return cfg

    return load
