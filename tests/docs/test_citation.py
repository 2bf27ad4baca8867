from pathlib import Path

import yaml

from mmskelssl import __version__


def test_the_citation_names_this_version():
    cited = yaml.safe_load((Path(__file__).parents[2] / 'CITATION.cff').read_text(encoding='utf-8'))
    assert cited['version'] == __version__ and {'cff-version', 'title', 'authors', 'message'} <= cited.keys()
