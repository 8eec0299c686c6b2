"""The webhook's certificate: made, kept in a Secret, told to the API server, renewed.

A renewal never breaks a handshake.  A new authority is first told to every webhook
configuration beside the old one; only when all have carried it for a while does the
Secret get a certificate that it signed; the old authority stays believed for as long
as replicas may still serve what it signed.  Every replica runs the same loop: writes
carry the resource version, so of two that decide alike one fails and looks again.

Files, in order of flow:

- `pem`       keys and certificates: made, written, read
- `keeping`   what the Secret holds, and what follows from it
- `decision`  what is to be done now: a pure function
- `folder`    the certificate as files that change at one moment
- `rotation`  the loop: reads, decides, writes
"""
