"""What is measured: the cases, who takes part in each, and the ratios and figures that come out.

To add a case: a :class:`Case` below, and for each contender a setup function in ``bench/peers``. To add a peer: a
module there, its tool in ``bench/install.py``, and a :class:`Contender` in the cases it takes part in. To add another
way to take figures: a module in ``bench/methods``.
"""

from __future__ import annotations

from functools import partial

from bench import estate, feed, films
from bench.catalogue import PREFIX
from bench.load import Request
from bench.methods.idle import IDLE
from bench.methods.latency import LATENCY
from bench.methods.loading import LOADING
from bench.methods.messaging import MESSAGING
from bench.methods.multiplexing import MULTIPLEXING
from bench.methods.resumption import RESUMPTION
from bench.methods.saturation import SATURATION
from bench.methods.streaming import STREAMING
from bench.model import OURS, Case, Contender, Figure, Ratio
from bench.orders import ACCEPTED, CHECKED_OUT, ITEMS, order
from bench.peers import SetupFunction, envoy, haproxy, modsecurity, nginx, portcullis

_GET = Request("GET", "/items", {})
_POST = Request("POST", "/orders", {"Content-Type": "application/json"}, order())


def _ours(setup: SetupFunction) -> Contender:
    return Contender(OURS, "Portcullis", "portcullis", setup)


def _envoy(setup: SetupFunction) -> Contender:
    return Contender("envoy", "Envoy", "envoy", setup)


def _without(title: str, *controls: str) -> Contender:
    """Ours with everything that the full policy has, but for these controls."""
    setup = partial(portcullis.policy_full, without=controls)
    return Contender(f"without_{controls[0]}", f"without {title}", "portcullis", setup)


_HAPROXY = Contender("haproxy", "HAProxy, JSON log", "haproxy", haproxy.passthrough)
_LOGGED_NGINX = Contender("nginx_logged", "nginx, JSON log", "nginx", nginx.passthrough_logged, in_quick=False)
_SECURE = (
    Contender("nginx", "nginx, JSON log", "nginx", nginx.secure),
    _envoy(envoy.secure),
    _ours(portcullis.secure),
)

_MULTIPLEXED = (
    Contender("nginx", "nginx, JSON log", "nginx", nginx.http2),
    _envoy(envoy.http2),
    _ours(portcullis.secure),
)

CASES = (
    Case(
        name="passthrough",
        title="pass-through GET",
        request=_GET,
        status=200,
        body=ITEMS,
        method=SATURATION,
        contenders=(
            Contender("nginx", "nginx, no log", "nginx", nginx.passthrough),
            _LOGGED_NGINX,
            _HAPROXY,
            _envoy(envoy.passthrough),
            _ours(portcullis.passthrough),
        ),
    ),
    Case(
        name="policy",
        title="key, limit, schema: POST",
        request=_POST,
        status=201,
        body=ACCEPTED,
        credential=True,
        method=SATURATION,
        contenders=(
            _envoy(envoy.policy),
            Contender("envoy_uncached", "Envoy, JWT cache off", "envoy", envoy.policy_uncached, in_quick=False),
            _ours(portcullis.policy),
        ),
    ),
    Case(
        name="policy_full",
        title="all that, inspection, answer stripped: POST",
        request=_POST.at("/checkouts"),
        status=201,
        body=CHECKED_OUT,
        credential=True,
        method=SATURATION,
        contenders=(
            _envoy(envoy.policy),
            Contender("modsecurity", "nginx, ModSecurity, CRS", "modsecurity", modsecurity.policy_full),
            _ours(portcullis.policy_full),
        ),
    ),
    Case(
        name="token",
        title="JWT, rule on a claim: GET",
        request=_GET,
        status=200,
        body=ITEMS,
        credential=True,
        method=SATURATION,
        contenders=(_envoy(envoy.token), _ours(portcullis.token)),
    ),
    Case(
        name="controls",
        title="all that, without one control: POST",
        request=_POST.at("/checkouts"),
        status=201,
        body=CHECKED_OUT,
        credential=True,
        method=SATURATION,
        contenders=(
            _ours(portcullis.policy_full),
            _without("the access log", "access_log"),
            _without("the limit", "limit"),
            _without("request validation", "validate.request"),
            _without("response validation", "validate.response"),
            _without("inspection", "inspect.injection"),
            _without("protection of answers", "protect.headers", "protect.errors"),
        ),
        in_quick=False,
    ),
    Case(
        name="refusal",
        title="no key: POST, 401",
        request=_POST,
        status=401,
        method=SATURATION,
        contenders=(_envoy(envoy.policy), _ours(portcullis.policy)),
    ),
    Case(
        name="refusal_get",
        title="no key: GET, 401",
        request=_GET,
        status=401,
        method=SATURATION,
        contenders=(_envoy(envoy.policy), _ours(portcullis.policy)),
        in_quick=False,
    ),
    Case(
        name="routes",
        title="routes of ours: GET",
        request=_GET.at(PREFIX),
        status=200,
        body=ITEMS,
        method=SATURATION,
        contenders=(
            Contender("routes_10", "10 routes", "portcullis", portcullis.few_routes),
            Contender("routes_20000", "20,000 routes, 10 asked", "portcullis", portcullis.many_routes),
            Contender("routes_20000_spread", "20,000 routes, all asked", "portcullis", portcullis.many_routes_spread),
        ),
        in_quick=False,
    ),
    Case(
        name="latency",
        title="pass-through GET, open loop",
        request=_GET,
        status=200,
        body=ITEMS,
        method=LATENCY,
        contenders=(
            Contender("nginx", "nginx, JSON log", "nginx", nginx.passthrough_logged),
            _HAPROXY,
            _envoy(envoy.passthrough),
            _ours(portcullis.passthrough),
        ),
    ),
    Case(
        name="stream",
        title=f"{films.MEBIBYTES} MiB sent, {films.MEBIBYTES} MiB fetched",
        request=Request("POST", films.PATH, {"Content-Type": "application/octet-stream"}, "a short film"),
        status=204,
        method=STREAMING,
        contenders=(
            Contender("nginx", "nginx, JSON log", "nginx", nginx.streaming),
            _HAPROXY,
            _envoy(envoy.passthrough),
            _ours(portcullis.streaming),
        ),
    ),
    Case(
        name="websocket",
        title="WebSocket, messages pass",
        request=feed.HANDSHAKE,
        status=101,
        method=MESSAGING,
        contenders=(_envoy(envoy.websocket), _ours(portcullis.websocket)),
    ),
    Case(
        name="websocket_rules",
        title="WebSocket, schema and rate of messages",
        request=feed.HANDSHAKE,
        status=101,
        method=MESSAGING,
        contenders=(_envoy(envoy.websocket), _ours(portcullis.websocket_rules)),
    ),
    Case(
        name="idle",
        title="9,000 idle connections",
        request=_GET,
        status=200,
        body=ITEMS,
        method=IDLE,
        contenders=(
            Contender("nginx", "nginx, JSON log", "nginx", nginx.passthrough_logged),
            _HAPROXY,
            _envoy(envoy.passthrough),
            _ours(portcullis.passthrough),
        ),
    ),
    Case(
        name="tls",
        title="pass-through GET over TLS",
        request=_GET,
        status=200,
        body=ITEMS,
        method=SATURATION,
        contenders=_SECURE,
    ),
    Case(
        name="http2",
        title="pass-through GET by HTTP/2",
        request=_GET,
        status=200,
        body=ITEMS,
        method=MULTIPLEXING,
        contenders=_MULTIPLEXED,
    ),
    Case(
        name="handshakes",
        title="GET over TLS, a connection each",
        request=_GET.with_headers({"Connection": "close"}),
        status=200,
        body=ITEMS,
        method=SATURATION,
        contenders=_SECURE,
    ),
    Case(
        name="resumption",
        title="GET over TLS, a resumed session each",
        request=_GET,
        status=200,
        body=ITEMS,
        method=RESUMPTION,
        contenders=_SECURE,
    ),
    Case(
        name="idle_tls",
        title="5,000 idle TLS connections",
        request=_GET,
        status=200,
        body=ITEMS,
        method=IDLE,
        contenders=_SECURE,
    ),
    Case(
        name="load_200",
        title="200 operations, two workers",
        request=_GET,
        status=200,
        method=LOADING,
        contenders=(_ours(estate.small),),
        in_quick=False,
    ),
    Case(
        name="load_20000",
        title="20,000 operations, two workers",
        request=_GET,
        status=200,
        method=LOADING,
        contenders=(_ours(estate.large),),
        in_quick=False,
    ),
)

RATIOS = (
    Ratio("passthrough_vs_envoy", "passthrough", "envoy", goal=0.55),
    Ratio("passthrough_vs_haproxy", "passthrough", "haproxy"),
    Ratio("passthrough_vs_nginx", "passthrough", "nginx", goal=1.8),
    Ratio("passthrough_vs_nginx_logged", "passthrough", "nginx_logged"),
    Ratio("policy_vs_envoy", "policy", "envoy", goal=0.8),
    Ratio("policy_vs_envoy_uncached", "policy", "envoy_uncached"),
    Ratio("policy_full_vs_envoy", "policy_full", "envoy", goal=1.0),
    Ratio("policy_full_vs_modsecurity", "policy_full", "modsecurity", goal=1 / 15),
    Ratio("token_vs_envoy", "token", "envoy", goal=1.0),
    Ratio("refusal_vs_envoy", "refusal", "envoy", goal=0.5),
    Ratio("refusal_get_vs_envoy", "refusal_get", "envoy"),
    Ratio("routes_20000_vs_10", "routes", "routes_10", goal=1.15, ours="routes_20000"),
    Ratio("routes_20000_spread_vs_10", "routes", "routes_10", ours="routes_20000_spread"),
    Ratio("p99_vs_envoy", "latency", "envoy", goal=1.5),
    Ratio("p99_vs_nginx", "latency", "nginx"),
    Ratio("stream_vs_nginx", "stream", "nginx", goal=2.0),
    Ratio("stream_vs_envoy", "stream", "envoy"),
    Ratio("websocket_vs_envoy", "websocket", "envoy", goal=0.9),
    Ratio("websocket_rules_vs_envoy", "websocket_rules", "envoy", goal=1.6),
    Ratio("tls_vs_envoy", "tls", "envoy", goal=0.6),
    Ratio("tls_vs_nginx", "tls", "nginx"),
    Ratio("http2_vs_envoy", "http2", "envoy", goal=1.5),
    Ratio("http2_vs_nginx", "http2", "nginx"),
    Ratio("handshakes_vs_nginx", "handshakes", "nginx", goal=1 / 0.75),
    Ratio("handshakes_vs_envoy", "handshakes", "envoy"),
    Ratio("resumption_vs_nginx", "resumption", "nginx", goal=1 / 0.75),
    Ratio("resumption_vs_envoy", "resumption", "envoy"),
)

FIGURES = (
    Figure("idle_connection_bytes", "idle", goal=8 * 1024),
    Figure("idle_tls_connection_bytes", "idle_tls", goal=30 * 1024),
    Figure("load_20000_cold_seconds", "load_20000", goal=60),
    Figure("load_20000_cold_cpu_seconds", "load_20000", "cold_cpu_seconds"),
    Figure("load_20000_again_seconds", "load_20000", "again_seconds", goal=10),
    Figure("load_20000_again_cpu_seconds", "load_20000", "again_cpu_seconds"),
    Figure("load_20000_pss_mib", "load_20000", "pss_mib", goal=1.6 * 1024),
    Figure("load_200_cold_seconds", "load_200"),
    Figure("load_200_pss_mib", "load_200", "pss_mib", goal=150),
)


def left_out_of_quick() -> list[str]:
    """What a quick run does not measure: whole cases, and contenders as ``case/contender``."""
    whole = [case.name for case in CASES if not case.in_quick]
    single = [f"{case.name}/{each.name}" for case in CASES for each in case.contenders if not each.in_quick]
    return whole + single
