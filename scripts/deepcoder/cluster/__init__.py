"""Jobs on a SLURM cluster: submitted once, adopted by a later run, continued over limits and lost nodes."""
