"""The log of the page on sources: CSV with semicolons, Indonesian names and local times."""

import random
from datetime import timedelta
from pathlib import Path

from own_data import DAYS, write_files

_ROWS = 1_500
_PAGES = ("/promo", "/promo", "/")


def write_log(folder: Path) -> None:
    """The files of the tutorial but for the visits, and those of a log."""
    write_files(folder)
    draw = random.Random(2)
    (folder / "log").mkdir()
    for day in (*DAYS, DAYS[-1] + timedelta(days=1)):
        lines = ["waktu;id_pengguna;halaman;jenis;nama;ip"]
        if day == DAYS[0]:
            lines.append("02/11/2026 00:01:00;u0190;/promo;lihat;Siti;10.0.0.1")
        for number in range(_ROWS):
            minute = number * 1440 // _ROWS
            kind = "klik" if number % 10 == 0 else "lihat"
            user = f"u{draw.randrange(500):04d}"
            lines.append(
                f"{day:%d/%m/%Y} {minute // 60:02d}:{minute % 60:02d}:{number % 60:02d};{user};"
                f"{draw.choice(_PAGES)};{kind};Siti;10.0.0.1"
            )
        (folder / "log" / f"akses-{day}.csv").write_text("\n".join(lines) + "\n", "utf-8")
