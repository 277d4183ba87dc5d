"""The paper: values from artifacts, each with its address, and the template that may use nothing else."""
