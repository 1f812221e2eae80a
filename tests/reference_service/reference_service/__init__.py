"""A small service that keeps NileCare's service contract, for the lab (docs/service-contract.md)."""
