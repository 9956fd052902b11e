"""Programs that attack the sandbox, run in the real one; after each of them the runner still answers."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from poju.errors import CallerError, OperatorError, ProviderError
from poju.solution import Limits, Runtime, Solution, decode_trace, default_runtime, encode_trace, merge, replay
from poju.solution import guest as guests
from poju.solution.guest import Guest
from poju.solution.report import Watch
from poju.solution.runner import Runner
from poju.solution.runtime import FEATURES, compiled, digest_path, intact, runtime_description
from poju.solution.trace import make_trace
from poju.solution.worker import Sandbox

HEAD = "def advise(case, capabilities):\n    "
BEHAVED = HEAD + "return {'offer': None, 'reason': 'abstain'}\n"
MODULES = "import json\n" + HEAD + "modules = json.codecs.sys.modules\n    "


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return default_runtime()


def solution(main: str, **others: str) -> Solution:
    modules = tuple(sorted({"main": main, **others}.items()))
    names = {"id": "attack", "provider": "somebody", "track": "mutual-recognition", "decision_point": "recognition/1"}
    return Solution(
        **names, version=1, entry="main", capabilities=("trend",), solves=(), modules=modules, digest="sha256:00"
    )


def cases(patients: int = 2, each: int = 2) -> list[dict[str, Any]]:
    content = {"order": {}, "earlier": [{"id": "r1"}], "catalogue": {}}
    return [
        {"case": f"c{patient}-{number}", "patient": f"p{patient}", "input": content}
        for patient in range(patients)
        for number in range(each)
    ]


def sandbox(runtime: Runtime) -> Sandbox:
    """Return the worker's own part of ``runtime``, in this process."""
    return Sandbox(
        {"compiled": str(compiled(runtime.guest)), "features": dict(FEATURES), "limits": asdict(runtime.limits)}
    )


def only_failure(runtime: Runtime, main: str, **others: str) -> dict[str, Any]:
    """Run ``main`` over one case; return its failure's detail; then see that a well-behaved program still runs."""
    trace = replay(solution(main, **others), cases(1, 1), runtime=runtime)
    after = replay(solution(BEHAVED), cases(1, 1), runtime=runtime)
    assert after.rows[0].state == "none"
    assert trace.rows[0].offer is None
    assert trace.rows[0].reason is None
    assert trace.rows[0].state == trace.details["c0-0"]["code"]
    return dict(trace.details["c0-0"])


@pytest.mark.parametrize(
    ("main", "state"),
    [
        (HEAD + "while True: pass", "fuel"),
        ("while True: pass", "fuel"),
        (HEAD + "return 7 ** (10 ** 7)", "fuel"),
        ("import re\n" + HEAD + "re.match('(a*)*b', 'a' * 40)", "fuel"),
        (HEAD + "kept = []\n    while True: kept.append(bytes(1_000_000))", "memory"),
        (HEAD + "return 'x' * 10 ** 9", "memory"),
        (HEAD + "def f(n): return f(n + 1)\n    return f(0)", "raised"),
        ("class X:\n    def __getattr__(self, name): return getattr(X(), name)\n" + HEAD + "return X().a", "raised"),
        (HEAD + "return eval('(' * 5000 + ')' * 5000)", "memory"),
        (HEAD + "return eval('-' * 50_000 + '1')", "memory"),
        (HEAD + "raise SystemExit(0)", "raised"),
        (MODULES + "modules['posix'].abort()", "trap"),
        (HEAD + "return 'x' * 100_000", "raised"),
        (HEAD + "return object()", "raised"),
        (HEAD + "return float('nan')", "raised"),
        (HEAD + "return None", "invalid"),
        (HEAD + "return {'offer': 'r2', 'reason': 'valid-result'}", "invalid"),
        (HEAD + "return {'offer': None, 'reason': 'Mrs Wang told me'}", "invalid"),
        ("advise = 3", "raised"),
        ("def advise(:", "raised"),
    ],
)
def test_exec_1_a_program_that_misbehaves_is_a_failed_row(runtime: Runtime, main: str, state: str) -> None:
    assert only_failure(runtime, main)["code"] == state


@pytest.mark.parametrize(
    ("main", "reached"),
    [
        (MODULES + "modules['os'].listdir('/')", "files"),
        (MODULES + "modules['io'].open('/etc/passwd')", "files"),
        (MODULES + "modules['time'].time()", "clock"),
        (MODULES + "modules['time'].sleep(1)", "clock"),
        ("import datetime\n" + HEAD + "datetime.datetime.now()", "clock"),
        (MODULES + "modules['os'].urandom(8)", "randomness"),
    ],
)
def test_exec_1_reaching_outside_through_a_back_door_is_denied(runtime: Runtime, main: str, reached: str) -> None:
    failure = only_failure(runtime, main)
    assert (failure["code"], failure["message"]) == ("denied", reached)


@pytest.mark.parametrize(
    "name", ["os", "socket", "time", "random", "subprocess", "ctypes", "importlib", "os.path", "sys"]
)
def test_exec_1_no_such_module(runtime: Runtime, name: str) -> None:
    failure = only_failure(runtime, f"import {name}\n" + BEHAVED)
    assert (failure["type"], failure["file"], failure["line"]) == ("ImportError", "main.py", 1)


def test_exec_1_open_says_that_there_are_no_files(runtime: Runtime) -> None:
    assert only_failure(runtime, HEAD + "open('/etc/passwd')")["type"] == "PermissionError"


def test_exec_1_the_hosts_environment_is_not_inside(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POJU_SECRET", "a-secret")
    failure = only_failure(runtime, MODULES + "raise ValueError(str(dict(modules['os'].environ)))")
    assert failure["message"] == "{}"


def test_exec_1_printing_is_bounded(runtime: Runtime) -> None:
    failure = only_failure(runtime, HEAD + "print('x' * 10_000_000)\n    raise KeyError('k')")
    assert len(failure["printed"]) == 500


def test_an_exception_names_its_line_in_the_providers_own_file(runtime: Runtime) -> None:
    failure = only_failure(
        runtime, "import helper\n" + HEAD + "return helper.f()", helper="\n\ndef f():\n    return 1 / 0"
    )
    assert (failure["type"], failure["file"], failure["line"]) == ("ZeroDivisionError", "helper.py", 4)


def test_a_syntax_error_names_its_line(runtime: Runtime) -> None:
    failure = only_failure(runtime, "x = 1\ny = (\n")
    assert (failure["type"], failure["file"], failure["line"]) == ("SyntaxError", "main.py", 2)


def test_exec_1_a_worker_that_does_not_answer_is_killed_and_started_again(runtime: Runtime) -> None:
    patient = Runtime(runtime.guest, Limits(case_fuel=10**15), patient_seconds=1)
    loops_once = HEAD + "\n    while case['loop']: pass\n    return {'offer': None, 'reason': 'abstain'}"
    with Runner(patient, solution(loops_once)) as runner:
        assert runner.patient([{"loop": True}])[0]["failure"]["code"] == "timeout"
        assert "advice" in runner.patient([{"loop": False}])[0]


def test_exec_1_a_worker_that_dies_is_a_failure_not_a_crash(runtime: Runtime) -> None:
    with Runner(runtime, solution(BEHAVED)) as runner:
        runner.patient([{}])
        assert runner.process is not None
        runner.process.kill()
        assert runner.patient([{}])[0]["failure"]["code"] == "crashed"
        assert "advice" in runner.patient([{}])[0]


def test_exec_2_nothing_leaks_from_patient_to_patient(runtime: Runtime) -> None:
    counting = "seen = []\n" + HEAD + "seen.append(1)\n    return {'offer': 'r1' if len(seen) > 1 else None, "
    counting += "'reason': 'valid-result' if len(seen) > 1 else 'abstain'}"
    trace = replay(solution(counting), cases(3, 2), runtime=runtime)
    assert [row.state for row in trace.rows] == ["none", "offered"] * 3


def test_exec_2_chance_and_identity_are_the_same_in_every_instance(runtime: Runtime) -> None:
    chance = MODULES + "raise ValueError(modules['random'].random(), id(case), hash('a'), list({'b', 'c', 'd', 'e'}))"
    trace = replay(solution(chance), cases(3, 1), runtime=runtime)
    assert len({detail["message"] for detail in trace.details.values()}) == 1


def test_exec_2_sharded_resumed_and_in_two_processes_the_root_is_the_same(runtime: Runtime) -> None:
    program = solution(HEAD + "return {'offer': 'r1', 'reason': 'valid-result'} if case['order'] else 1 / 0")
    workload = cases(6, 2)
    for number, case in enumerate(workload):
        case["input"] = {**case["input"], "order": {"n": number} if number % 3 else {}}
    whole = replay(program, workload, runtime=runtime)
    shards = [replay(program, workload[start : start + 4], runtime=runtime) for start in (8, 0, 4)]
    assert merge(shards).root == whole.root
    assert replay(program, list(reversed(workload)), runtime=runtime, workers=2).root != b""
    assert replay(program, workload, runtime=runtime, workers=2).root == whole.root
    cut = decode_trace(encode_trace(make_trace(whole.header, whole.rows[:5])))
    asked: list[str] = []
    again = replay(program, workload, runtime=runtime, resume=cut, seen=lambda rows, _: asked.append(rows[0].patient))
    assert again.root == whole.root
    assert asked == ["p2", "p3", "p4", "p5"]
    assert {row.state for row in whole.rows} == {"offered", "raised"}


def test_exec_2_code_made_once_is_the_same_in_every_worker_and_after_any_other_program(runtime: Runtime) -> None:
    text = "import re\nPATTERN = 'a' 'b'\n" + BEHAVED
    first, second = sandbox(runtime), sandbox(runtime)
    assert first.code("other", "x = {'ab': 1}\n")
    first.use({"modules": [["main", "1 / 0"]], "entry": "main", "capabilities": []})
    assert first.patient(["{}"])["answers"][0]["failure"]["type"] == "ZeroDivisionError"
    assert first.code("main", text) == first.code("main", text) == second.code("main", text) != ""


def test_exec_2_code_made_once_answers_as_source_does(runtime: Runtime) -> None:
    helper = "import dataclasses\n\n@dataclasses.dataclass\nclass A:\n    n: int = 1\n\n"
    helper += "def f(n):\n    'Divide.'\n    return A(1 // n).n"
    main = "import helper\n" + HEAD + "return {'offer': None, 'reason': str(helper.f(case['n'])) + helper.f.__doc__}"
    program = {"modules": [["helper", helper], ["main", main]], "entry": "main", "capabilities": []}
    inputs = ['{"n": 1}', '{"n": 0}', "{}", '{"n": "x"}']
    made, read = sandbox(runtime), sandbox(runtime)
    made.use(program)
    read.use(program)
    assert all(file.code for file in made.program["files"])
    for file in read.program["files"]:
        file.code = ""
    quick, slow = made.patient(inputs), read.patient(inputs)
    assert quick["answers"] == slow["answers"]
    assert quick["fuel"] < slow["fuel"]


def test_exec_2_a_module_that_no_one_imports_may_be_broken(runtime: Runtime) -> None:
    trace = replay(solution(BEHAVED, broken="def ("), cases(2, 1), runtime=runtime)
    assert [row.state for row in trace.rows] == ["none", "none"]


def test_exec_1_source_that_exhausts_the_compiler_is_a_failed_row(runtime: Runtime) -> None:
    tight = Runtime(runtime.guest, Limits(load_fuel=2_000_000))
    assert only_failure(tight, "x = 0\n" + "x = x + 1\n" * 5_000 + BEHAVED) == {"code": "fuel"}
    assert only_failure(runtime, "x = " + "-" * 50_000 + "1\n" + BEHAVED)["code"] == "memory"


def test_exec_1_compiling_runs_nothing_of_the_provider(runtime: Runtime) -> None:
    assert sandbox(runtime).code("main", "while True: pass") != ""


def test_a_trace_of_another_version_cannot_be_resumed(runtime: Runtime) -> None:
    trace = replay(solution(BEHAVED), cases(1, 1), runtime=runtime)
    other = make_trace(type(trace.header)("other@1", "sha256:1", (), trace.header.runtime), trace.rows)
    with pytest.raises(CallerError):
        replay(solution(BEHAVED), cases(1, 1), runtime=runtime, resume=other)


def test_a_capability_switched_off_is_absent_inside(runtime: Runtime) -> None:
    program = solution(HEAD + "raise ValueError(capabilities)")
    assert replay(program, cases(1, 1), runtime=runtime).details["c0-0"]["message"] == "('trend',)"
    off = replay(program, cases(1, 1), runtime=runtime, disabled=["trend"])
    assert off.details["c0-0"]["message"] == "()"
    with pytest.raises(CallerError, match="no capability"):
        replay(program, cases(1, 1), runtime=runtime, disabled=["trnd"])


def test_a_program_that_answers_nothing_ends_the_test_early(runtime: Runtime) -> None:
    watch = Watch(runtime.limits)
    with pytest.raises(ProviderError) as caught:
        replay(solution(HEAD + "while True: pass"), cases(50, 2), runtime=runtime, seen=watch)
    assert caught.value.code == "solution.fuel"
    assert "100000000" in str(caught.value)
    assert watch.hopeless == 3


def test_the_case_is_all_that_a_program_sees(runtime: Runtime) -> None:
    failure = only_failure(runtime, HEAD + "raise ValueError(sorted(case))")
    assert failure["message"] == "['catalogue', 'earlier', 'order']"


def test_exec_2_the_guest_imports_nothing(runtime: Runtime) -> None:
    from wasmtime import component  # noqa: PLC0415 - this test alone opens the component

    from poju.solution.worker import engine  # noqa: PLC0415 - as above

    machine = engine(FEATURES)
    loaded = component.Component.deserialize_file(machine, str(compiled(runtime.guest)))
    assert loaded.type.imports(machine) == {}
    assert {"load", "advise"} <= set(loaded.type.exports(machine))


def test_an_altered_compiled_guest_is_not_loaded(runtime: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "guest.cwasm"
    path.write_bytes(compiled(runtime.guest).read_bytes())
    digest_path(path).write_text(digest_path(compiled(runtime.guest)).read_text("ascii"), "ascii")
    assert intact(path)
    with path.open("r+b") as stream:
        stream.seek(1_000_000)
        byte = stream.read(1)
        stream.seek(1_000_000)
        stream.write(bytes([byte[0] ^ 1]))
    assert not intact(path)


def test_a_file_that_is_no_guest_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "guest.wasm").write_bytes(b"hello")
    for path in (tmp_path / "guest.wasm", tmp_path / "absent.wasm", tmp_path):
        with pytest.raises(CallerError):
            guests.open_guest(path)


def test_the_first_of_two_builds_stays(tmp_path: Path) -> None:
    first, second, target = (tmp_path / name for name in ("first", "second", "guest.wasm"))
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    guests.publish(first, target)
    guests.publish(second, target)
    assert target.read_bytes() == b"first"


def test_a_cache_that_cannot_be_written_is_the_operators(runtime: Runtime, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(OperatorError):
        guests.ensure(folder=blocked / "below")
    with pytest.raises(OperatorError):
        compiled(Guest(runtime.guest.path, "sha256:other"), folder=blocked / "below")


def test_runtime_description_names_what_a_package_pins(runtime: Runtime) -> None:
    described = runtime_description(runtime)
    assert set(described) == {"wasmtime", "configuration", "guest", "componentize_py"}
    assert described["guest"] == runtime.guest.digest
    other = runtime_description(Runtime(runtime.guest, Limits(case_fuel=1)))
    assert other["configuration"] != described["configuration"]
    assert json.dumps(described)
    assert os.sep not in described["guest"]
