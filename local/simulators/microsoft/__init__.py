"""A simulated Microsoft: Entra's OAuth and the mail part of Graph."""
