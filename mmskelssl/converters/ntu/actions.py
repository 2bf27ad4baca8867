"""The 120 actions; those of NTU RGB+D 60 come first."""

from __future__ import annotations

ACTIONS = (
    *('drink water', 'eat meal', 'brush teeth', 'brush hair', 'drop', 'pick up', 'throw', 'sit down', 'stand up'),
    *('clap', 'read', 'write', 'tear up paper', 'put on jacket', 'take off jacket', 'put on a shoe'),
    *('take off a shoe', 'put on glasses', 'take off glasses', 'put on a hat', 'take off a hat', 'cheer up'),
    *('wave a hand', 'kick something', 'reach into pocket', 'hop', 'jump up', 'make a phone call', 'play with phone'),
    *('type on a keyboard', 'point to something', 'take a selfie', 'check time', 'rub two hands', 'nod head or bow'),
    *('shake head', 'wipe face', 'salute', 'put palms together', 'cross hands in front', 'sneeze or cough'),
    *('stagger', 'fall', 'touch head (headache)', 'touch chest (stomachache)', 'touch back (backache)'),
    *('touch neck (neckache)', 'nausea or vomiting', 'fan self', 'punch or slap other person', 'kick other person'),
    *('push other person', 'pat other person on the back', 'point finger at other person', 'hug other person'),
    *('give something to other person', "touch other person's pocket", 'shake hands', 'walk towards each other'),
    *('walk apart from each other', 'put on headphone', 'take off headphone', 'shoot at the basket', 'bounce ball'),
    *('swing tennis bat', 'juggle table tennis balls', 'hush', 'flick hair', 'thumb up', 'thumb down'),
    *('make ok sign', 'make victory sign', 'staple book', 'count money', 'cut nails', 'cut paper', 'snap fingers'),
    *('open bottle', 'sniff', 'squat down', 'toss a coin', 'fold paper', 'ball up paper', 'play magic cube'),
    *('apply cream on face', 'apply cream on hand back', 'put on bag', 'take off bag', 'put something into a bag'),
    *('take something out of a bag', 'open a box', 'move heavy objects', 'shake fist', 'throw up cap', 'hands up'),
    *('cross arms', 'circle arms', 'swing arms', 'run on the spot', 'kick backward', 'cross toe touch'),
    *('kick sideways', 'yawn', 'stretch oneself', 'blow nose', 'hit other person with something'),
    *('wield knife towards other person', 'knock over other person', "grab other person's stuff"),
    *('shoot at other person with a gun', "step on other person's foot", 'high-five', 'cheers and drink'),
    *('carry something with other person', 'take a photo of other person', 'follow other person'),
    *("whisper in other person's ear", 'exchange things with other person', 'support somebody with hand'),
    *('rock-paper-scissors',),
)
