"""All attacks by their names in the catalogue of attacks."""

from collections.abc import Mapping

from attacks import database, programs, restated, subtraction, surfaces, watching
from attacks.verdicts import Attack

# About all people: what they prove is proved whoever the victim is.
AT_LARGE: Mapping[str, Attack] = {
    "A1 differencing": subtraction.differencing,
    "A3 windows": subtraction.windows,
    "C1 complement": subtraction.complements,
    "C4 homogeneity": subtraction.homogeneity,
    "E1 refinement": programs.refinement,
    "E2 nested campaigns": subtraction.nested_campaigns,
    "E2 aimed campaigns": subtraction.aimed_campaigns,
    "E2 saturation": subtraction.saturation,
    "E2 pooled programs": programs.pooled,
    "F5 row order": surfaces.row_order,
    "95 database": database.further_rows,
}

# About one victim, or about what the folder says beside its figures.
ABOUT_SOMEBODY: Mapping[str, Attack] = {
    "A2 re-run": restated.rerun,
    "A4 erasure": restated.erased,
    "A5 late": restated.late,
    "A6 threshold": watching.threshold,
    "A6 rarest status": watching.rarest_status,
    "B1 stuffing": watching.stuffing,
    "B2 B5 lists": surfaces.uploaded_lists,
    "B3 one in region": watching.one_in_region,
    "B4 rounding step": watching.rounding_step,
    "B4 trend": watching.trend,
    "C2 filtered rows": surfaces.filtered_rows,
    "C3 unhidden metrics": surfaces.unhidden_metrics,
    "D1 repeats": restated.repeats,
    "D2 variants": restated.variants,
    "E3 new settings": restated.new_settings,
    "E4 leftovers": restated.leftovers,
    "F5 moments": surfaces.moments,
    "F6 names": surfaces.names,
    "95 formats": surfaces.disagreeing_formats,
}

# About a campaign of the attacker's own, which nobody but its false accounts has accessed.
OF_OWN_CAMPAIGN: Mapping[str, Attack] = {"F2 nobody": watching.nobody}

ALL: Mapping[str, Attack] = {**AT_LARGE, **ABOUT_SOMEBODY, **OF_OWN_CAMPAIGN}
