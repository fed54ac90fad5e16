"""The sandbox as a process and its control port over HTTP."""

import json
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.__main__ import announce
from sandbox.runner import PortTakenError, Sandbox

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0


class Process:
    """A sandbox process that has said it is ready."""

    def __init__(self, *arguments: str, info: Path) -> None:
        command = [sys.executable, "-m", "sandbox", "--size", "30", "--info", str(info)]
        self.process = subprocess.Popen(
            [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        pause = threading.Event()
        for _ in range(int(START_SECONDS / 0.05)):
            if info.exists() or self.process.poll() is not None:
                break
            pause.wait(0.05)
        self.info = json.loads(info.read_text()) if info.exists() else {}
        info.unlink(missing_ok=True)

    def post(self, method: str, **arguments: Any):
        url = f"{self.info['control_url']}/{method}"
        answer = httpx.post(url, json=arguments, timeout=60)
        return answer.json()["result"]

    def stop(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out.decode(), err.decode()


def test_process_serves_announces_itself_and_ends_on_sigterm(tmp_path: Path):
    process = Process(info=tmp_path / "info.json")

    answer = httpx.get(f"{process.info['control_url']}/healthz", timeout=60)
    status, out, err = process.stop()

    assert answer.text == "ok"
    assert (status, err) == (0, "")
    assert process.info["merchants"]["acme"]["saleor"]["api_url"] in out
    assert process.info["merchants"]["acme"]["saleor"]["token"] not in out


def test_info_file_holds_secrets_and_is_the_owners_alone(tmp_path: Path):
    info = tmp_path / "info.json"
    with Sandbox(size=30) as box:
        announce(box, info)

    assert stat.S_IMODE(info.stat().st_mode) == 0o600
    assert json.loads(info.read_text()) == box.info


def test_state_file_brings_data_keys_and_ports_back(tmp_path: Path):
    arguments = ("--state-file", str(tmp_path / "state"), "--sizes", "acme=40")
    first = Process(*arguments, info=tmp_path / "info.json")
    first.post("change_orders", merchant="acme", system="zoho", n=4)
    first.post("new_orders", merchant="acme", system="saleor", n=2, twin=True)
    kid = first.post("rotate_jwks", merchant="globex")
    truth, ids = (
        first.post("truth", merchant="acme"),
        first.post("ids", merchant="acme", system="zoho"),
    )
    first.stop()

    second = Process(*arguments, info=tmp_path / "info.json")

    assert len(ids) == 42
    assert second.info == first.info
    assert second.post("truth", merchant="acme") == truth
    assert second.post("ids", merchant="acme", system="zoho") == ids
    jwks = f"http://{second.info['merchants']['globex']['saleor']['domain']}/.well-known/jwks.json"
    assert httpx.get(jwks, timeout=60).json()["keys"][0]["kid"] == kid
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o600
    assert second.stop()[0] == 0


def test_taken_port_is_one_readable_line(tmp_path: Path):
    with Sandbox(size=30) as box:
        taken = str(box.ports[0])
        process = Process("--base-port", taken, info=tmp_path / "info.json")
        _, err = process.process.communicate(timeout=60)

    assert process.process.returncode == 1
    assert err.decode() == (
        f"sandbox: port {taken} is taken; end its owner or choose another --base-port\n"
    )


def test_failed_start_gives_ports_back():
    with Sandbox(size=30) as box, pytest.raises(PortTakenError):
        Sandbox(size=30, ports=[0, box.ports[0]]).start()


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("change_orders", {"merchant": "nobody", "system": "zoho", "n": 1}, (400, "no merchant")),
        ("change_orders", {"colour": "red"}, (400, "missing a required argument")),
        ("fly", {}, (404, "no method 'fly'")),
        ("_world", {"merchant": "acme"}, (404, "no method '_world'")),
        ("state", {}, (404, "no method 'state'")),
    ],
)
def test_control_port_explains_wrong_requests(
    box: Sandbox, http: httpx.Client, method: str, body: dict[str, Any], expected: tuple[int, str]
):
    status, message = expected

    answer = http.post(f"{box.info['control_url']}/{method}", json=body)

    assert answer.status_code == status
    assert message in answer.json()["error"]


def test_control_port_does_what_the_python_methods_do(box: Sandbox, http: httpx.Client):
    url = box.info["control_url"]

    body = {"merchant": "acme", "system": "zoho", "n": 2}
    changed = http.post(f"{url}/change_orders", json=body).json()["result"]
    query = {"merchant": "acme", "system": "zoho"}
    ids = http.get(f"{url}/ids", params=query).json()["result"]

    assert set(ids[-2:]) == set(changed)
    assert http.get(f"{url}/info").json() == box.info
