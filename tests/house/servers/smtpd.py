"""A mail server for the tests: aiosmtpd, with a script for what it should say wrong.

Prints one line `{"port": N}` when it listens on 127.0.0.1. Then requests come as JSON lines on stdin, one answer line
each on stdout:

  {"do": "script", "stage": S, "reply": "451 later", "times": 1, "close": false, "delay": 0, "silent": false}
      S: greeting ehlo starttls auth mail rcpt data body. `times` 0: until further notice. `silent`: never answers.
  {"do": "clear"}            forget all scripts
  {"do": "down"} / {"do": "up"}   close the port and every connection; listen on the same port again
  {"do": "mails", "from": 0} all accepted mails from that index on, headers and body decoded by Python's email package
  {"do": "count"}            how many
  {"do": "stats"}            connections, commands by name
Ends when stdin does.
"""
import argparse
import asyncio
import email
import email.policy
import json
import mailbox
import os
import socket
import ssl
import sys
import time

from aiosmtpd.smtp import SMTP, AuthResult


class Book:
    """What all connections share."""

    def __init__(self, maildir):
        self.scripts = {}
        self.mails = []
        self.connections = 0
        self.commands = {}
        self.live = set()
        self.maildir = mailbox.Maildir(maildir) if maildir else None

    def next_script(self, stage):
        entries = self.scripts.get(stage)
        if not entries:
            return None
        entry = entries[0]
        if entry.get("times", 1) > 0:
            entry["left"] = entry.get("left", entry.get("times", 1)) - 1
            if entry["left"] <= 0:
                entries.pop(0)
        return entry

    def keep(self, session, envelope, encrypted):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if self.maildir is not None:
            self.maildir.add(envelope.content)
        body = message.get_body(preferencelist=("plain",))
        self.mails.append({
            "t": time.monotonic(),
            "envelope_from": envelope.mail_from,
            "envelope_to": envelope.rcpt_tos,
            "subject": str(message["subject"]),
            "from": str(message["from"]),
            "from_name": message["from"].addresses[0].display_name,
            "to": str(message["to"]),
            "date": message["date"].datetime.isoformat(),
            "message_id": str(message["message-id"]),
            "headers": [[name, str(value)] for name, value in message.items()],
            "defects": [str(d) for d in message.defects],
            "body": body.get_content().replace("\r\n", "\n") if body else None,
            "size": len(envelope.content),
            "raw": envelope.content.decode("latin-1") if len(envelope.content) < 20000 else None,
            "auth": bool(session.authenticated),
            "tls": encrypted,
        })


class Handler:
    def __init__(self, book):
        self.book = book

    async def handle_DATA(self, server, session, envelope):
        scripted = await server.scripted("body")
        if scripted is not None:
            return scripted
        self.book.keep(session, envelope, server.transport.get_extra_info("ssl_object") is not None)
        return f"250 2.0.0 kept as {len(self.book.mails)}"


class Server(SMTP):
    def __init__(self, book, *args, **kwargs):
        self.book = book
        self.greeted = False
        super().__init__(Handler(book), *args, **kwargs)

    def connection_made(self, transport):
        if transport not in self.book.live and self.transport is None:
            self.book.connections += 1
        self.book.live.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error):
        self.book.live.discard(self.transport)
        super().connection_lost(error)

    async def scripted(self, stage):
        """The line to say instead, "" if it has been said here; None: nothing scripted."""
        self.book.commands[stage] = self.book.commands.get(stage, 0) + 1
        entry = self.book.next_script(stage)
        if entry is None:
            return None
        if entry.get("silent"):
            self._reset_timeout(86400)
            await asyncio.sleep(86400)
        if entry.get("delay"):
            await asyncio.sleep(entry["delay"])
        reply = entry.get("reply")
        if reply is not None and entry.get("close"):
            await super().push(reply)
            reply = ""
        if entry.get("close"):
            self.transport.close()
            return ""
        return reply

    async def push(self, status):
        if not self.greeted:
            self.greeted = True
            said = await self.scripted("greeting")
            if said == "":
                return
            status = said or status
        if status:
            await super().push(status)

    async def step(self, stage, method, arg):
        said = await self.scripted(stage)
        if said is None:
            await method(arg)
        elif said:
            await super().push(said)

    async def smtp_EHLO(self, arg):
        await self.step("ehlo", super().smtp_EHLO, arg)

    async def smtp_STARTTLS(self, arg):
        await self.step("starttls", super().smtp_STARTTLS, arg)

    async def smtp_AUTH(self, arg):
        await self.step("auth", super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg):
        await self.step("mail", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg):
        await self.step("rcpt", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg):
        await self.step("data", super().smtp_DATA, arg)


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--security", choices=["none", "starttls", "tls"], default="none")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--secret")
    parser.add_argument("--only", help="the one AUTH mechanism to offer")
    parser.add_argument("--maildir")
    return parser.parse_args()


def server_factory(options, book, context):
    def check(server, session, envelope, mechanism, data):
        good = data.login.decode() == options.user and data.password.decode() == options.secret
        return AuthResult(success=good, handled=False)

    def make():
        kwargs = {"hostname": "mail.example", "enable_SMTPUTF8": True, "loop": asyncio.get_running_loop()}
        if options.security == "starttls":
            kwargs.update(tls_context=context, require_starttls=True)
        if options.user:
            other = [m for m in ("LOGIN", "PLAIN") if options.only and m != options.only]
            kwargs.update(authenticator=check, auth_required=True, auth_exclude_mechanism=other,
                          auth_require_tls=options.security == "starttls")
        return Server(book, **kwargs)
    return make


class Port:
    """The listening port, which can go down and come up again under the same number."""

    def __init__(self, options, book):
        self.book = book
        self.number = options.port
        self.context = None
        if options.security != "none":
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(options.cert, options.key)
        self.ssl = self.context if options.security == "tls" else None
        self.factory = server_factory(options, book, self.context)
        self.server = None

    async def up(self):
        if self.server is None:
            loop = asyncio.get_running_loop()
            self.server = await loop.create_server(self.factory, "127.0.0.1", self.number, ssl=self.ssl,
                                                   family=socket.AF_INET, reuse_address=True)
            self.number = self.server.sockets[0].getsockname()[1]

    async def down(self):
        if self.server is not None:
            self.server.close()
            self.server = None
        for transport in list(self.book.live):
            transport.abort()


async def answer(request, book, port):
    what = request["do"]
    if what == "script":
        book.scripts.setdefault(request["stage"], []).append(request)
    elif what == "clear":
        book.scripts.clear()
    elif what == "down":
        await port.down()
    elif what == "up":
        await port.up()
    elif what == "mails":
        return {"ok": True, "mails": book.mails[request.get("from", 0):]}
    elif what == "count":
        return {"ok": True, "count": len(book.mails)}
    elif what == "stats":
        return {"ok": True, "connections": book.connections, "commands": book.commands}
    else:
        return {"ok": False, "error": f"what is {what!r}"}
    return {"ok": True}


async def main():
    options = parse_arguments()
    book = Book(options.maildir)
    port = Port(options, book)
    await port.up()
    print(json.dumps({"port": port.number}), flush=True)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(await answer(json.loads(line), book, port)), flush=True)
    # Connections may still wait inside a script; nobody needs their goodbye.
    os._exit(0)


asyncio.run(main())
