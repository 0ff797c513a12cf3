"""Plots of released figures with their bounds, as a marimo notebook.

marimo edit examples/notebook.py    in a browser
python examples/notebook.py         as a script

Reads published/segments.duckdb of $AUDIENCE_HOME (default: ./demo), and nothing else.
"""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    home = Path(os.environ.get("AUDIENCE_HOME", "demo"))
    database = duckdb.connect(str(home / "published/segments.duckdb"), read_only=True)
    return alt, database, mo


@app.cell
def _(database, mo):
    # By name; the one that reached most people in a day comes first.
    found = database.sql(
        "SELECT campaign, campaign_id FROM campaigns JOIN campaign_days "
        "ON subject_id = campaign_id GROUP BY ALL ORDER BY max(people) DESC NULLS LAST, campaign_id"
    ).fetchall()
    names = {identity: f"{name} ({identity})" for name, identity in found}
    campaign = mo.ui.dropdown(
        {name: identity for identity, name in names.items()},
        value=next(iter(names.values())),
        label="Campaign",
    )
    campaign
    return campaign, names


@app.cell
def _(alt, campaign, database, names):
    # Named segments day by day. The band is where the true number lies; a gap is suppressed.
    trend = database.execute("FROM trend(?)", [campaign.value]).df()
    days = alt.Chart(trend).encode(x=alt.X("period_start:T", title=None), color="segment:N")
    trend_chart = (
        days.mark_area(opacity=0.25).encode(y="people_least:Q", y2="people_most:Q")
        + days.mark_line(point=True).encode(y=alt.Y("people:Q", title="people"))
    ).properties(title=f"{names[campaign.value]}: people a day", width=600)
    trend_chart
    return trend, trend_chart


@app.cell
def _(database, mo):
    levels = database.sql(
        "SELECT level FROM catalogue WHERE disjoint "
        "GROUP BY level HAVING count(*) BETWEEN 2 AND 50 ORDER BY level"
    ).df()["level"]
    level = mo.ui.dropdown(levels.tolist(), value=levels[0], label="Split by")
    level
    return (level,)


@app.cell
def _(alt, campaign, database, level, names, trend):
    # Everybody in one bar each. Suppressed segments are in the bar of everyone else.
    last_day = trend["period_start"].max()
    parts = database.execute(
        "FROM split(?, ?, dimension := ?) WHERE status <> 'suppressed'",
        [campaign.value, last_day.date(), level.value],
    ).df()
    bars = alt.Chart(parts).encode(y=alt.Y("segment:N", sort=None, title=None))
    split_chart = (
        bars.mark_bar().encode(x=alt.X("people:Q", title="people"))
        + bars.mark_rule(strokeWidth=2).encode(x="people_least:Q", x2="people_most:Q")
    ).properties(
        title=f"{names[campaign.value]} on {last_day:%Y-%m-%d} by {level.value}", width=600
    )
    split_chart
    return parts, split_chart


@app.cell
def _(alt, campaign, database, names):
    # A share is as uncertain as both of its figures together.
    shares = database.execute(
        "SELECT period_start, 'women' AS segment, * EXCLUDE (period_start) FROM share(?, 'women') "
        "WHERE status = 'published'",
        [campaign.value],
    ).df()
    by_day = alt.Chart(shares).encode(x=alt.X("period_start:T", title=None))
    share_chart = (
        by_day.mark_area(opacity=0.25).encode(y="percent_least:Q", y2="percent_most:Q")
        + by_day.mark_line(point=True).encode(y=alt.Y("percent:Q", title="women, %"))
    ).properties(title=f"{names[campaign.value]}: share of women", width=600)
    share_chart
    return share_chart, shares


if __name__ == "__main__":
    app.run()
