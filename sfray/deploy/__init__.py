"""From a config to the cluster that its stages need, for each launcher.

size.py      how many parameters the model has
needs.py     what each stage holds while it works
shape.py     the nodes that hold the largest stage
job.py       a job, whatever launches it
kuberay.py   … as manifests for Kubernetes; schema.py, rules.py, pods.py and sums.py judge them
slurm.py     … as a batch script
compose.py   … as a file for Docker Compose
"""
