"""Argon2 with the least work: what tests show about passwords does not depend on how slow it is.

As a program it is the command `audience` with such passwords. `USUAL` is what the product uses.
"""

from argon2 import PasswordHasher

from portal import passwords

USUAL = passwords._HASHER
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

if __name__ == "__main__":
    passwords._HASHER = CHEAP

    from cli.main import command

    command()
