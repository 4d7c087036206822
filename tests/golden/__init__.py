"""Golden values: a few numbers of each stage, kept with the stage's version in `<stage>.json`.

`python -m tests.golden [stage ...]` writes them anew; `tests/unit/test_golden.py` compares. The numbers of a stage are
made by `values()` of the module of its name.
"""
