"""Reads a Maildir as a mail program would; prints its mails as one JSON array, oldest first."""
import email
import email.policy
import json
import pathlib
import sys

mails = []
for box in ("new", "cur"):
    for path in (pathlib.Path(sys.argv[1]) / box).glob("*"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = message.get_body(preferencelist=("plain",))
        mails.append((path.stat().st_mtime_ns, {
            "file": str(path),
            "subject": str(message["subject"]),
            "from": str(message["from"]),
            "from_name": message["from"].addresses[0].display_name if message["from"] else "",
            "to": str(message["to"]),
            "date": str(message["date"]),
            "message_id": str(message["message-id"]),
            "received": str(message["received"]),
            "body": body.get_content().replace("\r\n", "\n") if body else "",
        }))
print(json.dumps([mail for _, mail in sorted(mails, key=lambda m: m[0])]))
