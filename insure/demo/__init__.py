"""`insure demo`: the whole job on chains inside this process, in simulated time, on real history."""

from insure.demo.run import run_demo

__all__ = ["run_demo"]
