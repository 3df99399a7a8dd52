"""Raw data: where documents come from, how they are checked, and what is skipped; and the stream of
training documents that comes of it. Sources, documents and checks need no torch.

Start at ``source.open_source``; a ``document.Document`` is one raw sample.
"""
