import argparse

import pytest
from mmengine.config import Config

from mmskelssl.utils.config import add_config_arguments, parse_value, read_config, without_scope
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


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        *[
            ('3', 3),
            ('1e-3', 0.001),
            ('-2', -2),
            ('inf', float('inf')),
            ('True', True),
            ('false', False),
            ('None', None),
        ],
        *[('[a,b]', ['a', 'b']), ('[a, my words, 2]', ['a', 'my words', 2]), ('(1, [x])', (1, ['x'])), ('[]', [])],
        *[('{}', {}), ('{a: 1}', dict(a=1)), ("['a,b', true]", ['a,b', True]), ('[(0,1),a]', [(0, 1), 'a'])],
        *[('a,b', 'a,b'), ('1,2', '1,2'), ('data/my set, v2', 'data/my set, v2'), ("it's", "it's"), ('', '')],
        *[('"5"', '5'), ('007', '007'), ('2020-01-02', '2020-01-02'), ('1+2j', '1+2j'), ('C:/x y', 'C:/x y')],
    ],
)
def test_values_are_taken_as_typed(text, value):
    assert parse_value(text) == value and type(parse_value(text)) is type(value)


@pytest.mark.parametrize('text', ['[a', '(old) data', '{a, b}', "[dict(type='A')]"])
def test_brackets_that_cannot_be_read_are_refused(text, capsys):
    parser = argparse.ArgumentParser()
    add_config_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(['c.py', '--cfg-options', f'a.b={text}'])
    assert '--cfg-options a.b: ' in capsys.readouterr().err


def test_overrides_that_do_not_fit_are_all_named(tmp_path):
    (tmp_path / 'c.py').write_text('a = [1, 2]\nb = 3\n')
    with pytest.raises(ConfigError, match=r'(?s)a.5=1 does not fit .*c.py.*a.x=2 does not fit .*c.py'):
        read_config(tmp_path / 'c.py', {'a.5': 1, 'a.x': 2, 'b': 4})
    assert read_config(tmp_path / 'c.py', {'b': 'p, q'}).to_dict() == dict(a=[1, 2], b='p, q')


def test_marks_of_inherited_sections_are_gone_and_others_stay():
    inner = [dict(type='A', _scope_='mmskelssl'), dict(_scope_='mmpretrain')]
    cfg = without_scope(Config(dict(_scope_='mmskelssl', a=dict(b=inner, c=(1, 2)))))
    assert cfg.to_dict() == dict(a=dict(b=[dict(type='A'), dict(_scope_='mmpretrain')], c=(1, 2)))
