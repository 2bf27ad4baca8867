# ReDeLab with its views and schedule; a leaf adds a set and says epochs, rounds and clusters for its number of clips.
_base_ = [
    '../models/redelab_tcn.py',
    '../views/warp.py',
    '../schedules/adamw_cosine.py',
    '../default_runtime.py',
]
