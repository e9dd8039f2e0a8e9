"""A mail server (aiosmtpd) on a free port. Prints the port, then each mail that it takes as a line of JSON.

Argument: how many mails to refuse first, and with which reply: `2 451`.
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP


class Handler:
    def __init__(self, refusals, code):
        self.refusals, self.code = refusals, code

    async def handle_DATA(self, server, session, envelope):
        if self.refusals > 0:
            self.refusals -= 1
            return f"{self.code} come back another time"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        taken = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name.lower(), str(value)] for name, value in mail.items()],
            "defects": [str(defect) for defect in mail.defects],
            "text": mail.get_content().replace("\r\n", "\n"),
        }
        print(json.dumps(taken), flush=True)
        return "250 taken"


async def main():
    handler = Handler(int(sys.argv[1]), sys.argv[2])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
