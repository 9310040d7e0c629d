"""Groups, homomorphic profiles and keys: each foreign library is imported in one file only."""
