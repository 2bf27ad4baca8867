# NW-UCLA without the 95 test clips that repeat training clips: python tools/evaluate.py --data nw_ucla_xview_unique
_base_ = 'nw_ucla_xview.py'
val_dataloader = dict(dataset=dict(split='xview_test_unique'))
test_dataloader = val_dataloader
