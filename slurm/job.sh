# What happens inside a job; the .sbatch scripts read this, nobody submits it.
#
# Slurm warns the script with SIGUSR1 before the time is up. The signal is passed on to every rank, the run stops after
# a whole generation and ends with 75: then the job goes back into the queue, and its next session goes on from the run
# file. The same happens, without a warning, after a node has failed.

source slurm/site.sh || exit 2

# Ranks fill the cores: threads below them would only be in each other's way.
export OMP_NUM_THREADS=1
# A trainer of one process asks for its processors so; srun does not take that over from the job by itself.
if [ "${SLURM_CPUS_PER_TASK-}" ]; then export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK; fi
# Open MPI's launcher makes a log look like a terminal, for which a run would draw its progress.
export TTY_COMPATIBLE=0

# How many seconds are left after the warning. Slurm tells nobody, so it is read from the script's own header.
EVO_HNS_SHUTDOWN_TIMEOUT=$(sed -n 's/^#SBATCH --signal=B:USR1@\([0-9]*\).*/\1/p' "$0")
export EVO_HNS_SHUTDOWN_TIMEOUT

STOPPED_IN_TIME=75 # what `evo-hns train` ends with when generations are left

train() { # train EXPERIMENT [options of evo-hns train]: every rank of the job on one run
    if [[ ${1-} != [!-]* ]]; then
        echo "Nothing to train, expected: sbatch SCRIPT EXPERIMENT [options of evo-hns train]" >&2
        return 2
    fi
    local experiment=$1
    local job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
    job=${job:-$SLURM_JOB_ID} # a requeued job keeps it, and so finds its file
    local run=runs/$(basename "$experiment" .toml)-$job.h5 options=() before after code warned=
    while shift && (($#)); do
        case $1 in
        --run) run=${2:?--run needs a file} && shift ;;
        --run=*) run=${1#*=} ;;
        *) options+=("$1") ;;
        esac
    done
    run=${run//%a/${SLURM_ARRAY_TASK_ID-}} # as in Slurm's names of logs: the number of the array task
    mkdir -p "$(dirname "$run")" || return

    prepare || return
    before=$(generations "$run")
    echo "$(date '+%F %T'): job $job, session $((${SLURM_RESTART_COUNT:-0} + 1)), on $SLURM_JOB_NODELIST: $experiment in $run"
    launch "$PYTHON" -m mpi4py -m evo_hns train "$experiment" --run "$run" --resume "${options[@]}"
    code=$?

    # Some launchers end with 0 whatever their ranks end with: then the run says whether it was stopped.
    ((code == STOPPED_IN_TIME)) || { ((code == 0)) && [ "$warned" ]; } || return $code
    after=$(generations "$run")
    if ((code == 0)) && [ "$after" ] && [ "${after% *}" = "${after#* }" ]; then return; fi
    code=$STOPPED_IN_TIME
    if [ "${after% *}" = "${before% *}" ] || [ "${after% *}" = 0 ]; then
        echo "Not one generation was finished in this session, so another one would not help: ask for more time." >&2
        return $code
    fi
    requeue "$job"
    return $code
}

launch() { # launch PROGRAM...: start the ranks, pass SIGUSR1 on to them, return what they end with
    local ranks code signalled
    # bash runs a trap only while it waits, hence the `&`; and the trap ends the `wait`, hence the loop.
    trap 'signalled=yes warned=yes; kill -USR1 "${ranks-}"' USR1
    "${LAUNCH[@]}" "$@" </dev/null &
    ranks=$!
    while
        signalled=
        wait "$ranks"
        code=$?
        [ "$signalled" ]
    do :; done
    trap '' USR1
    return $code
}

generations() { # generations RUN: how many it has and how many it will have, as "3 40"; nothing before it has a file
    [ ! -e "$1" ] || "$PYTHON" -m evo_hns info "$1" --json |
        sed -n 's/.*"generations": {"done": \([0-9]*\), "planned": \([0-9]*\)}.*/\1 \2/p'
}

requeue() { # requeue JOB: the same job once more, and no end before Slurm makes one
    # An array's first task shares its number with the whole array, so tasks are named ARRAY_TASK: see `job`.
    echo "$(date '+%F %T'): time is up, job $1 goes back into the queue"
    scontrol requeue "$1" && sleep 600
}
