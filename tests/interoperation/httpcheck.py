"""The original's httpcheck, with what it lacks to run.

As published it does not run, for two reasons:

1. There is no Twisted plugin for it (there is one for each of the other companions), so that
   `twist ncolony-httpcheck` does not exist. This program starts the service in its place.
2. It hands the method and the URL to Twisted's Agent as text, and that takes bytes: the first
   request raises TypeError, which ends its timer for good. Here both are encoded on the way.

Everything else is the original's: its options, its timer, its judgement, its messages.
"""

import sys

from ncolony import httpcheck
from twisted.internet import reactor
from twisted.python import log
from twisted.web import client


class Agent(client.Agent):
    """Takes text, as httpcheck gives it."""

    def request(self, method, uri, headers=None, bodyProducer=None):
        method, uri = method.encode("ascii"), uri.encode("utf-8")
        return super().request(method, uri, headers, bodyProducer)


client.Agent = Agent
log.startLogging(sys.stdout)
options = httpcheck.Options()
options.parseOptions(sys.argv[1:])
httpcheck.makeService(options).startService()
reactor.run()
