_base_ = 'sbu_fold1.py'
train_dataloader = dict(dataset=dict(split='fold2_train'))
val_dataloader = dict(dataset=dict(split='fold2_test'))
test_dataloader = val_dataloader
