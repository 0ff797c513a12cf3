"""The device class of a visit: known words become four classes, and nothing else is kept."""

from raw_world import World, as_csv, visit


def test_known_words_are_classes_and_others_are_told_as_a_number(world: World) -> None:
    words = {
        "mobile": ("mobile", " Smartphone ", "PONSEL"),
        "desktop": ("Desktop", "computer"),
        "tablet": ("iPad",),
        "other": ("smart tv", "lainnya"),
        None: ("toaster of ann", "", None),
    }
    rows = [
        (device, visit(f"{device}-{n}", device_class=word))
        for device, of_device in words.items()
        for n, word in enumerate(of_device)
    ]
    world.visits(as_csv([row for _, row in rows]))
    intake = world.take_in()
    found = sorted(str(row["device"]) for row in world.rows("visits"))
    assert found == sorted(str(device) for device, _ in rows)
    assert [str(warning) for warning in intake.warnings] == ["visits: device_not_mapped (1)"]
    assert not any(b"toaster" in content for content in world.written().values())


def test_a_delivery_without_classes_is_nothing_to_warn_about(world: World) -> None:
    world.visits(as_csv([visit()]))
    assert world.take_in().warnings == ()
    assert [row["device"] for row in world.rows("visits")] == [None]


def test_a_column_of_another_spelling_is_one_that_is_not_known(world: World) -> None:
    """It was one before there were device classes: such files stay readable."""
    world.visits(as_csv([visit() | {"DeviceClass": "mobile"}]))
    (warning,) = world.take_in().warnings
    assert (warning.code, warning.columns) == ("unknown_columns", ("DeviceClass",))
    assert [row["device"] for row in world.rows("visits")] == [None]


def test_a_visit_of_two_devices_is_one_whatever_the_order_of_files(world: World) -> None:
    """Delivered with two classes it conflicts; which one stands follows from its content."""
    kept = set()
    for names in (("a", "b"), ("b", "a")):
        for name, device in zip(names, ("mobile", "desktop"), strict=True):
            others = [visit(f"{device}-{n}", device_class="tablet") for n in range(10)]
            rows = as_csv([visit("both", device_class=device), *others])
            world.put(f"visits/day={world.day}/{name}.csv", rows)
        account = world.take_in().accounts["visits"]
        assert account.quarantined == {"conflicting_id": 1}
        (device,) = {row["device"] for row in world.rows("visits")} - {"tablet", None}
        kept.add(device)
    assert len(kept) == 1
