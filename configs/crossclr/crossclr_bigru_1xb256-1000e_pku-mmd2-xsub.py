# CrosSCLR-B. The papers that report it give no recipe: this is that of CMD and I²MD, with the first stage half as
# long as the whole, as in CrosSCLR.
_base_ = [
    '../_base_/models/crossclr_bigru.py',
    '../_base_/sets/pku_mmd2_xsub.py',
    '../_base_/views/isc.py',
    '../_base_/schedules/sgd_1000e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=256)
model = dict(cross_epoch=500)
