"""A synthetic ISP with planted truth, written as source files."""

from simulator.parameters import SimulationParameters
from simulator.simulation import NotASimulationError, simulate

__all__ = ["NotASimulationError", "SimulationParameters", "simulate"]
