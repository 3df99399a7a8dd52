"""How good a model is: numbers with their intervals, plots, and the HTML pages that show them.

    run            a run folder, measured into a folder of results: `motet eval`
    evaluation     all of these on one model
    judged         the pairs of text and picture that it is judged on
    answers        what it draws and says to them
    one_step       its latents behind true ones: free running without its own errors
    measures       records of the numbers
    report, sections   the page about them
    timed          progress bars and seconds

    features       pictures -> EfficientNet-Lite0 features
    frechet        distance between two sets of features
    retrieval      is the true picture the nearest to the generated one?
    captions       exact match and MiniLM similarity of captions
    reconstruction PSNR of a codec
    drift          free-running latents against true ones and those one step ahead, by position
    interval       a mean and its 95 % bootstrap interval
    plots          learning curves and drift as SVG
    page           one self-contained HTML file

The measures below the gap know tensors and strings, never a model. What they need beyond
the base install is the extra `eval`.
"""
