"""The watch over insured chains: probes, beats relayed to the host chain, and signed observations."""
