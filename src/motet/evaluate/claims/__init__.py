"""A paper's sentence -> our number: claims, each measured over arms and seeds and written down as it comes out.

    claim           what a claim is: its sentence, setting, measures, and the rule of its verdict
    run             runs what has not been run yet, judges, and writes docs/claims/
    record          the JSON, the plots and the page
    registry        every claim by name
    one_step        samples drawn one step ahead from true history
    latentlm_sigma  LatentLM: the noise of the codec against errors that build up

Adding a claim is a file beside these and a line in the registry; docs/claims/README.md says how.
"""

from motet.evaluate.claims.claim import Claim, ClaimResult, Scale
from motet.evaluate.claims.registry import CLAIMS
from motet.evaluate.claims.run import run_claim

__all__ = ["CLAIMS", "Claim", "ClaimResult", "Scale", "run_claim"]
