"""A small table as a file: two regions of three, women and men."""

from pathlib import Path

TABLE = """region,gender,status,people
Total,Total,published,300
Total,f,published,160
Total,m,published,140
A,Total,published,100
B,Total,published,110
C,Total,published,90
A,f,withheld,
A,m,withheld,
B,f,withheld,
B,m,withheld,
C,f,withheld,
C,m,withheld,
"""
HIERARCHY = "parent,child\nTotal,A\nTotal,B\nTotal,C\nNorth,A\nNorth,B\n"


def write(folder: Path, text: str = TABLE, name: str = "published.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
