"""The command `gatewright`: one file per command."""
