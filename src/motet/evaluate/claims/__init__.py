"""A paper's sentence -> our number: claims, each measured over arms and seeds and written down as it comes out.

    claim        what a claim is: its sentence, setting, measures, and the rule of its verdict
    run          runs what has not been run yet, judges, and writes docs/claims/
    record       the JSON, the plots and the page
    registry     every claim by name
    expected     what a claim expects of its arms, and the verdict that follows
    trained      claims whose arms are recipes, trained and measured as `motet compare` does it
    small        the small setting that those share
    arm_plots    their figures
    kept_counts  what the number of patches that a tokenizer keeps follows
    scale_probe  what one scale of features tells
    PAPER_CLAIM  a claim each

Adding a claim is a file beside these and a line in the registry; docs/claims/README.md says how.
"""

from motet.evaluate.claims.claim import Claim, ClaimResult, Scale
from motet.evaluate.claims.registry import CLAIMS
from motet.evaluate.claims.run import run_claim

__all__ = ["CLAIMS", "Claim", "ClaimResult", "Scale", "run_claim"]
