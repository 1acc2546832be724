from __future__ import annotations

from portcullis.mounts.http1.request_head import parse_request_head
from portcullis.mounts.reverse_proxy.redirect import https_required


def test_a_redirect_keeps_method_and_target_and_leaves_the_port_out_where_it_can():
    head = parse_request_head(b"POST /a?b=1 HTTP/1.1\r\nHost: shop:8080\r\n\r\n", 1000)
    assert https_required(head, 443).fields == ((b"location", b"https://shop/a?b=1"),)
    assert https_required(head, 8443).fields == ((b"location", b"https://shop:8443/a?b=1"),)
    head = parse_request_head(b"GET http://shop/a HTTP/1.1\r\nHost: shop\r\n\r\n", 1000)
    assert https_required(head, 443).fields == ((b"location", b"https://shop/a"),)
    head = parse_request_head(b"GET http://shop?x HTTP/1.1\r\nHost: shop\r\n\r\n", 1000)
    assert https_required(head, 443).fields == ((b"location", b"https://shop/?x"),)
    head = parse_request_head(b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 1000)
    assert https_required(head, 443).fields == ((b"location", b"https://[::1]/"),)
