"""Which of several runs is better, and can anyone tell: from their folders alone, without a model.

`document.compare` is the sentence: read the runs, align their rows, compare every declared pair, and
tell what was found. No torch is loaded here.
"""
