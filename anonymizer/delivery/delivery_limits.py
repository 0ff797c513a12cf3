"""How long deliveries wait for others, and when they try again.

One destination that does not answer keeps no other waiting, and no run.
"""

from datetime import timedelta

# One attempt after the other (delivery_log)
FIRST_PAUSE = timedelta(minutes=5)  # after a failure; each further pause is twice as long, up to
LONGEST_PAUSE = timedelta(hours=6)  # so that a repaired destination is served on the same day
MOST_DOUBLED = 10  # times; no number grows without end
COMPARED_BYTES = 4_096  # by which a log is known as the one that was read before

# Buckets as destinations (bucket_folder)
BUCKET_CONNECT_SECONDS = 10  # to reach the store
BUCKET_SILENT_SECONDS = 20  # without an answer
BUCKET_ATTEMPTS = 3  # of the store's client, within one delivery

# Mail servers, which may be slow (mail)
MAIL_SECONDS = 20.0  # for each answer of the server
MAIL_WHOLE_SECONDS = 120.0  # for a mail, however slowly the server answers
MAIL_AGAIN_SECONDS = 0.5  # until a connection is ended again: its socket changes when TLS begins

# Servers of SFTP (sftp_folder)
SFTP_CONNECT_SECONDS = 20  # to reach the server, and to sign in
SFTP_SILENT_SECONDS = 15  # without a word, until it is asked whether it is there
SFTP_WHOLE_SECONDS = 1_800  # for all files of a delivery

# Receivers of webhooks (webhook)
WEBHOOK_CONNECT_SECONDS = 10.0  # to reach the address
WEBHOOK_ANSWER_SECONDS = 20.0  # between two parts of an answer
WEBHOOK_WHOLE_SECONDS = 30.0  # for a notice, however slowly it is answered
