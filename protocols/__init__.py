"""Pure cryptographic protocols: values in, values out. No socket, file, clock, log, thread or environment."""
