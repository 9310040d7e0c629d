"""Import of tax data: sources, normalisation, validation against the catalogue, rejects."""
