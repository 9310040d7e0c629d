"""The subcommands of ``banktax``, one file each."""
