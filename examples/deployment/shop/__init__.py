"""The code of the deployment."""
