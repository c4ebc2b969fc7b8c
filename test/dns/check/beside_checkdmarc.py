"""Asks checkdmarc 6 about domains, one a line of a fake name server: PORT, then JSON [[code, domain], …]; prints JSON by code.

A process for each, since checkdmarc remembers answers.
"""
import json
import os
import sys

import dns.message
import dns.query
import dns.resolver
from checkdmarc.dmarc import check_dmarc
from checkdmarc.spf import check_spf

port = int(sys.argv[1])
found = {}
for code, domain in json.loads(sys.argv[2]):
    # The name server then answers with this fixture's zone.
    dns.query.udp(dns.message.make_query(code.replace("_", "-") + ".control", "TXT"), "127.0.0.1", port=port)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = port
        resolver.lifetime = 3
        valid = {}
        for name, check in (("spf", check_spf), ("dmarc", check_dmarc)):
            valid[name] = check(domain, resolver=resolver, timeout=1.0, retries=0).get("valid")
        os.write(write, json.dumps(valid).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        found[code] = json.loads(pipe.read() or "{}")
    os.waitpid(child, 0)
print(json.dumps(found))
