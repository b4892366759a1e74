"""The baselines that students are compared with: kNN, a centroid, transfer of parameters."""
