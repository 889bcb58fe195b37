"""The only code that talks to EVM chains: any endpoint, or a whole chain inside this process."""
