import argparse

import pytest

from mmskelssl.utils.config import add_config_arguments, read_config
from mmskelssl.utils.errors import ConfigError


def test_misspelt_config_names_the_nearest(tmp_path):
    (tmp_path / 'cmd_bigru.py').write_text('')
    with pytest.raises(ConfigError, match=r'no config .*cmd_bigur\.py\. Did you mean .*cmd_bigru\.py\?'):
        read_config(tmp_path / 'cmd_bigur.py')


def test_override_without_a_value_is_a_usage_error(capsys):
    parser = argparse.ArgumentParser()
    add_config_arguments(parser)
    assert parser.parse_args(['c.py', '--cfg-options', 'a.b=3', 'c=[1,2]']).cfg_options == {'a.b': 3, 'c': [1, 2]}
    with pytest.raises(SystemExit):
        parser.parse_args(['c.py', '--cfg-options', 'a.b', '3'])
    assert "'a.b' is not KEY=VALUE" in capsys.readouterr().err
