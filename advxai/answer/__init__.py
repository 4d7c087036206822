"""Which explainer is right: from scores to estimates, tests, the scorecard and a few sentences, all as pure functions.

Scores are a table with the columns explainer (a row of the run: explainer, control or ceiling), key (of the image),
category, cluster (of `advxai.statistics.clusters`), column (of `advxai.metrics.columns`) and value (float64; NaN where
there is none).
"""
