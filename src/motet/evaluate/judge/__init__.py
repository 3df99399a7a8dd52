"""The judge of ``scenes``: it reads a picture and says what is in it, and whether that is what a prompt asked for.

    judge     reads pictures, judges them, reports
    segment   finds things on their ground, and cuts them out
    reader    names what was cut out: a small network trained on renders
    degrade   pictures made worse in the ways of generated ones
    accuracy  how often the judge is right about real renders

``python -m motet.evaluate.judge`` prints its own accuracy.
"""
