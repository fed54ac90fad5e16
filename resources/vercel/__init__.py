"""Vercel: sends the logs of deployments to the gateway; it is asked for nothing."""

from resources.vercel.system import VERCEL, VercelConfig, VercelCredentials

__all__ = ["VERCEL", "VercelConfig", "VercelCredentials"]
