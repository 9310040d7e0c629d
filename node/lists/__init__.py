"""A bureau's lists that banks screen against: imported, kept, and evaluated once for each bank."""
