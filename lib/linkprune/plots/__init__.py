"""Figures: data in, Figure out, one look; a saved figure has the same bytes every time.

style      the look that all share, and how a figure is saved
toy        the graphs of a hundred digits, before and after
pruning    recall over distances of learned graphs and their rivals; training: its steps
codecs     exhaustive recall over bytes, of codes in one level and in two
estimators what tells a vector from codes; structure: what graphs are like; cost: what it took
"""
