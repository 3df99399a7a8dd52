"""Recipes compared at an equal budget: the same data in the same order, one tokenizer, sizes matched, codecs shared.

    plan        what is compared, and one run of it
    budget      minutes, training FLOPs or samples; and what a run has used of all three
    match       parameters counted part by part, and made equal by one knob
    documents   those that fit the rows of every arm: all runs learn from these and are judged on these
    prepare     codecs: trained once, shared by all runs whose codecs agree
    run_one     one run: prepare, train, measure, write down; a process of its own
    measuring   everything that is measured of a trained run
    unlearned   what a run has not learned, so that its numbers mean nothing
    passes      passes of the backbone, the head and the decoder, and the cache, of one picture
    judging     the judge of ``scenes``, where the data is that
    measures    what each number is called, its unit, and which way is better
    run         all runs, one after another, resumable
    summary     means over seeds with their intervals
    findings    a sentence for each difference that exceeds its interval
    curves      held-out losses over time
    page        the page and the JSON

``docs/compare.md`` says how to use it and how to read its page.
"""

from motet.evaluate.compare.plan import Arm, Comparison, Measuring
from motet.evaluate.compare.run import Compared, compare

__all__ = ["Arm", "Compared", "Comparison", "Measuring", "compare"]
