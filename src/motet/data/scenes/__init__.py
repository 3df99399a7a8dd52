"""Scenes: pictures made here, so that everything about them is known. See ``docs/scenes.md``.

vocabulary    names, colours, sizes, numbers and relations
scene         what a picture shows: things and their ground
place         where things may stand
compose       scenes from a seed, by level of difficulty
held_out      which compositions no training document shows
draw          a scene as a picture
caption       a scene in words, and words read again
expectation   what a caption demands of a picture
prompts       captions to judge a model on, by GenEval's categories
questions     questions about a scene, with their answers
edits         two scenes and the instruction that leads from one to the other
item          all of these for one number of one seed
source        the data ``scenes``
"""
