"""The class of device from the words of a log of one's own."""

from pathlib import Path

from log_world import LogWorld

LOG = """
visits:
  web:
    location: logs
    files: "akses-{day}.csv"
    format: csv
    delimiter: ";"
    columns:
      visit_id: {compose: [waktu, id]}
      user_id: id
      occurred_at: {path: waktu, time: "%Y-%m-%d %H:%M", zone: Asia/Jakarta}
      url: {path: halaman}
      device_class: {path: layar, values: {kecil: mobile, besar: Desktop}}
"""


def test_words_of_a_log_become_classes(tmp_path: Path) -> None:
    world = LogWorld(tmp_path)
    world.describe(LOG)
    rows = ["waktu;id;halaman;layar"]
    for hour, word in enumerate(("kecil", "besar", "tablet", "jam", "")):
        rows.append(f"2026-01-01 1{hour}:00;u1;https://shop.example/promo;{word}")
    world.deliver({
        "logs/akses-2026-01-01.csv": "\n".join(rows) + "\n",
        "logs/akses-2026-01-02.csv": rows[0] + "\n",
    })  # fmt: skip
    taken = world.take()
    found = sorted(str(row["device"]) for row in world.rows("visits"))
    assert found == ["None", "None", "desktop", "mobile", "tablet"]
    assert "device_not_mapped" in {warned.code for warned in taken.warnings}
