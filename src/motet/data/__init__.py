"""Raw data: where documents come from, how they are checked, and what is skipped. Nothing here imports torch.

Start at ``source.open_source``; a ``document.Document`` is one raw sample.
"""
