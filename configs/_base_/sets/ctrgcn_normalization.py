# CTR-GCN's normalization, for the place of a set's own: the first person's mid spine starts at the origin, nothing is
# turned. Stores are converted with --bodies ctr-gcn.
normalize = [dict(type='CenterClip', joint='upper')]
