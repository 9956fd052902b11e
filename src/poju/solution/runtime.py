"""The runtime of provider programs: wasmtime's configuration, the limits, and the compiled guest of this machine.

Fuel for the same call differs between wasmtime's releases, therefore {wasmtime version, configuration, guest digest} is
pinned by a package (EXEC-2). Compiled code is trusted code: it stays on the machine that made it, is found by a key
that covers that machine, and is loaded only while its digest is the one written down beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from wasmtime import component

from poju.errors import OperatorError
from poju.i18n import _
from poju.solution import guest as guests
from poju.solution.guest import Guest, Progress, quiet
from poju.solution.worker import MEBIBYTE, engine

if TYPE_CHECKING:
    from collections.abc import Mapping

FEATURES: Mapping[str, bool | int] = {
    "consume_fuel": True,
    "cranelift_nan_canonicalization": True,
    "epoch_interruption": False,
    "gc_support": False,
    "max_wasm_stack": 3 * MEBIBYTE // 2,
    "shared_memory": False,
    "wasm_component_model": True,
    "wasm_exceptions": False,
    "wasm_memory64": False,
    "wasm_relaxed_simd": False,
    "wasm_threads": False,
}
"""wasmtime's settings that differ from, or must not drift with, its defaults. Fuel alone stops a loop: epochs follow
the clock and would make a trace depend on the machine's speed."""


@dataclass(frozen=True)
class Limits:
    """What one provider may use. Part of the configuration digest.

    ``load_fuel`` is for running the provider's modules once per patient, ``case_fuel`` for each case (an ordinary case
    costs about one hundredth of it); ``memory_bytes`` bounds each linear memory.
    """

    load_fuel: int = 400_000_000
    case_fuel: int = 100_000_000
    memory_bytes: int = 96 * MEBIBYTE


@dataclass(frozen=True)
class Runtime:
    """A guest and the limits under which it runs.

    ``patient_seconds`` is a last resort of the clock for one patient's cases; it is not part of the configuration,
    since fuel ends every ordinary loop long before.
    """

    guest: Guest
    limits: Limits = field(default_factory=Limits)
    patient_seconds: int = 60


def default_runtime(*, progress: Progress = quiet) -> Runtime:
    """Return the runtime of this machine's own guest, built and compiled where needed."""
    runtime = Runtime(guests.ensure(progress=progress))
    compiled(runtime.guest, progress=progress)
    return runtime


def wasmtime_version() -> str:
    """Return the installed version of wasmtime."""
    return metadata.version("wasmtime")


def configuration_digest(limits: Limits) -> str:
    """Return ``sha256:…`` over wasmtime's settings and the limits as canonical JSON."""
    settings = json.dumps({"features": dict(FEATURES), "limits": asdict(limits)}, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(settings.encode()).hexdigest()}"


def runtime_description(runtime: Runtime | None = None) -> dict[str, str]:
    """Return what a package pins: wasmtime, configuration digest, guest digest, componentize_py."""
    if runtime is None:
        runtime = Runtime(guests.ensure())
    return {
        "wasmtime": wasmtime_version(),
        "configuration": configuration_digest(runtime.limits),
        "guest": runtime.guest.digest,
        "componentize_py": guests.componentize_version(),
    }


def compiled(guest: Guest, *, folder: Path | None = None, progress: Progress = quiet) -> Path:
    """Return the file of ``guest`` compiled for this machine, compiling it first where absent or altered (about 6 s).

    ``folder`` stands for the guests' cache folder. Raises :class:`OperatorError` where it cannot be written.
    """
    path = (folder or guests.cache_folder()) / f"{compiled_key(guest)}.cwasm"
    if not intact(path):
        progress(_("Compiling the guest for this machine (about 6 s, once) …"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            code = bytes(component.Component.from_file(engine(FEATURES), str(guest.path)).serialize())
            replace_file(path, code)
            replace_file(digest_path(path), hashlib.sha256(code).hexdigest().encode())
        except OSError as error:
            raise OperatorError(
                "solution.guest-folder",
                _("The guest cannot be written to {folder}: {reason}."),
                hint=_("Make the folder writable or free some space (60 MB are enough)."),
                folder=path.parent,
                reason=error.strerror or error,
            ) from error
    return path


def compiled_key(guest: Guest) -> str:
    """Return the compiled guest's file name: it covers the guest, wasmtime, the settings and this machine."""
    machine = (platform.node(), platform.machine(), platform.system(), platform.release())
    parts = (guest.digest, wasmtime_version(), json.dumps(dict(FEATURES), sort_keys=True), *machine)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def digest_path(path: Path) -> Path:
    """Return where the digest of the compiled file ``path`` stands."""
    return path.with_suffix(".sha256")


def intact(path: Path) -> bool:
    """Return whether ``path`` has the digest written down beside it."""
    try:
        status = path.stat()
        version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return digest_of(path, version) == digest_path(path).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return False


@lru_cache(maxsize=8)
def digest_of(path: Path, _version: tuple[int, ...]) -> str:
    """Return SHA-256 over the file ``path``, once in a process for each version of it: every trial asks for 38 MB."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` under a name of its own, then give it the name ``path`` in one step."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
