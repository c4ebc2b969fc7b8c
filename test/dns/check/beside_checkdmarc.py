"""Asks checkdmarc 6 about domains on real name servers: JSON lines {port, domain, kind, pages} on stdin; prints {wrong} for each.

A process for each, since checkdmarc remembers answers. What a web server would say is in pages, by URL.
"""
import json
import os
import sys

import dns.resolver
import checkdmarc.smtp
import requests
from checkdmarc.bimi import check_bimi
from checkdmarc.dmarc import check_dmarc
from checkdmarc.mta_sts import check_mta_sts
from checkdmarc.smtp import check_mx
from checkdmarc.smtp_tls_reporting import check_smtp_tls_reporting
from checkdmarc.spf import check_spf

# It asks the system's resolver, which knows nothing of these names.
checkdmarc.smtp.check_dnssec = lambda *_, **__: False
checkdmarc.smtp.get_tlsa_records = lambda *_, **__: []


def pages_instead(pages):
    def get(self, url, **_):
        page = pages.get(url, {"status": 404, "text": ""})
        if page is None:
            raise requests.Timeout(f"{url} did not answer")
        if isinstance(page, str):
            raise requests.ConnectionError(page)
        response = requests.Response()
        response.status_code = page.get("status", 200)
        response.url = url
        response._content = page["text"].encode()
        response.encoding = "utf-8"
        if page.get("type"):
            response.headers["Content-Type"] = page["type"]
        return response

    requests.Session.get = get


def wrong(port, domain, kind, pages):
    pages_instead(pages)
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = port
    resolver.lifetime = 3
    ask = {"resolver": resolver, "timeout": 1.0, "retries": 0}
    if kind == "spf":
        return not check_spf(domain, **ask)["valid"]
    if kind == "dmarc":
        return not check_dmarc(domain, **ask)["valid"]
    if kind == "mta_sts":
        return not check_mta_sts(domain, **ask)["valid"]
    if kind == "tlsrpt":
        return not check_smtp_tls_reporting(domain, **ask)["valid"]
    if kind == "mx":
        # It calls nothing about MX invalid, so that a warning is all that it says.
        mx = check_mx(domain, **ask)
        return "error" in mx or len(mx["warnings"]) > 0
    bimi = check_bimi(domain, parsed_dmarc_record=check_dmarc(domain, **ask), **ask)
    image = bimi.get("image") or {}
    return (
        not bimi["valid"]
        or "error" in image
        or bool(image.get("validation_errors"))
        or any("DMARC" in text for text in bimi["warnings"])
    )


for line in sys.stdin:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with os.fdopen(write, "w") as pipe:
            pipe.write(json.dumps({"wrong": wrong(**json.loads(line))}))
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        print(pipe.read() or "null", flush=True)
    os.waitpid(child, 0)
