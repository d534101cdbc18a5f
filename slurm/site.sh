# What differs from site to site, and the one file to edit: job.sh reads it in every job, `evo-hns submit` copies it
# into the scripts that it writes.

# Who pays, and where jobs go. sbatch takes these from the environment: `source slurm/site.sh` before you call it
# yourself, `evo-hns submit` does so by itself. What the environment says already wins.
#export SBATCH_ACCOUNT=${SBATCH_ACCOUNT:-my-project}
#export SBATCH_PARTITION=${SBATCH_PARTITION:-standard}

# The Python of the jobs. `evo-hns submit` says which one it runs with itself; scripts that are submitted by hand take the
# one of the project's folder.
PYTHON=${EVO_HNS_PYTHON:-.venv/bin/python}

# Runs in the job before anything is started: the modules that the virtual environment was made with.
prepare() {
    # For the mpich of PyPI, 5.0.2: over UCX a start on two nodes failed now and then. Leave it out for another MPI.
    export MPIR_CVAR_CH4_NETMOD=ofi
    # module purge && module load python/3.12 openmpi
}

# What starts a rank for every task of the job; the program follows. pmi2 is for MPICH and what descends from it (the
# mpich of PyPI, Intel, Cray), pmix for Open MPI; `srun --mpi=list` says what this Slurm can do. Some sites want the
# launcher of their MPI instead.
LAUNCH=(srun --kill-on-bad-exit=1 --mpi=pmi2)
#LAUNCH=(mpiexec)
