"""What sending costs without tandem: Python's smtplib sends one mail of a text's size, again and again, each time
by a connection of its own. Prints the milliseconds from connect to the 250 as a JSON array.

    bare_send.py PORT COUNT
"""
import json
import smtplib
import sys
import time
from email.message import EmailMessage

message = EmailMessage()
message["From"] = '"home_sim (bare)" <router@example.com>'
message["To"] = "me@example.com"
message["Subject"] = "SMS from +4915112345678: measured"
message["Message-ID"] = "<bare@tandem.example>"
message["Date"] = "Fri, 20 Nov 2026 12:00:00 +0100"
message.set_content("measured\n\n-- \nFrom: +4915112345678\nSent: 2026-11-20 12:00:00 +01:00\nDongle: home_sim\n")

times = []
for _ in range(int(sys.argv[2])):
    begin = time.monotonic()
    with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), local_hostname="[127.0.0.1]") as server:
        server.send_message(message)
        times.append((time.monotonic() - begin) * 1000)
print(json.dumps(times))
