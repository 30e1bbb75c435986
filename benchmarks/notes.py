"""What no measurement says by itself: where the time goes, and why a claim is not met."""

NOTES = """## Where the time goes

Profiles of a first load of 100,000 orders (cProfile, a sampler and `getrusage`), of 3.3 s
of CPU next to other work:

| part | CPU | what it is |
|---|---:|---|
| fetch | 0.6 s | 1,000 requests by aiohttp, in a thread of their own |
| parse | 0.3 s | Arrow's JSON parser |
| columns | 0.5 s | types, keys to compare by, lists exploded; 0.3 of it are digests |
| Parquet | 0.2 s | written by dlt's extraction, once |
| load | 0.4 s | DuckDB reads the files straight into the tables |
| versions | 0.4 s | a copy of every row, and its commit |
| checkpoint | 0.3 s | DuckDB writes its file when it is closed |
| dlt | 0.4 s | configuration, schema, state and trace: the same for one record |
| pandas | 0.2 s | imported by Arrow and DuckDB where it is installed |

A bare load has the first three, inserts without a file in between, and copies and writes
the same: 1.6 s. The rest is what the platform guarantees: answers that outlive a kill,
digests that stay the same, a load that can be repeated, and state that is kept with it.

A read without news takes 1.7 s, 3.5 times that of a bare read of 0.5: every record is
parsed (0.3 s) and digested (0.5 s), because its digest is of what it says. One of its
bytes would spare both, but what a read reports (which fields came, and how often) is
counted while it is parsed. The requests cost more than bare ones: patience, pace,
what is kept of an interrupted read, and the signs of an answer.

A whole command cannot come near curl and SQL: 1.2 s of it are imports, as much as all of
theirs.

Of small reads dlt's part is the largest. It looks up its configuration some 2,000 times a
load, whatever is loaded, and opens the database six times: of 10,000 orders at 50 ms, 1.1 s
are reading (0.9 s of them waiting) and 0.5 s what comes before and after.

Roster pages are taken apart by Python, one by one, because each may fail, be rejected or
be unchanged by itself: of 2,000 pages' first load that is a sixth of the CPU, and making
columns and digests of 500,000 rows a quarter.

Definitions take 0.6 s beyond their imports: 0.35 s are the specs and checks of 93 dbt nodes
and 348 tests and the choice of nodes by dbt's own graph, 0.15 s fourteen dlt sources.
Python looks for no garbage in what lives as long as the process, neither while it is made
nor when the process ends; with libraries of this size the latter alone takes 0.7 s, which
is why definitions can be there before the bare imports are.

Through Dagster, a page costs two events on top: one when the run is planned, one when the
page is there, each one transaction of the run's SQLite and one of the index.

Of 2,000 pages, two events each take 3.0 s to record, and Dagster's own storage 21.5 s;
twelve events each, for all six tables of a page, take 16.6 s and 165 s (the benchmark
`events`, run next to other work).

Dagster's instance grows by 77 MB a day (2.6 MB a run: 24 hourly reads of 225 events, four
builds of 1,749, a full read and a read of 40 pages). Forty days were lived: the events and
logs of real runs on 5,000 orders, recorded again for each hour with older timestamps (the
benchmark `growth`, `--days 40 --keep 10`). With ten days kept the instance has 914 MB at
the end, and grows by nothing in the second half. Extrapolated to 400 days, it stays at
914 MB; with the default of 90 days it is 7 GB, and 31 GB without retention, which was
lived for ten days. Ticks of schedules and sensors are not in it; Dagster deletes those
itself (`dagster.yaml`).

Of the warehouse itself, days of use were lived faster than time (the benchmark `years`):
300 orders, 6 pages of 40 members, and some 250 changes a day, counted by the sandbox
itself.

| destination | reads a day | days lived | changes | first, second, last day |
|---|---:|---:|---:|---|
| DuckDB | 24 | 9 | 2,329 | 66, 87 and 86 MB |
| DuckDB | 1 | 175 | 40,999 | 85, 108 and 131 MB |
| DuckLake | 1 | 1 | 247 | 31 MB |

![Sizes by day](images/years_duckdb.svg)

Every tenth day, the raw tables and the versions were compared with what the sandbox had
served: nothing was lost or there twice. 400 days of daily reads and 40 of hourly ones
were begun and not ended: a day takes 12 s of a core that nothing else uses. Versions
are linear in what changed: 1.2 rows a change, as line items and participants have
versions, too. From its second day on, DuckDB's file grew by 53 kB a day and what is
published by 76 kB (348 bytes a change); the folders of dbt and dlt stay as large as
they are. DuckDB's file has its size after the second build, which writes tables next to
those of the first; 28 % of its blocks are free then and are used again. On the 10th and
the 175th day, a day's reads took 5.4 and 6.3 s of CPU, and a build without tests 4.3
and 4.6 s.

What grows by reads: an endpoint's or a page's read is a row of `_reads` (8 to 16 bytes),
a page's also one of `page_loads` (8 bytes), and a load that changed something is a row of
dlt's state (1 kB). Extrapolated to 400 days of 24 reads, versions add 4 MB, the log of
reads 3 MB and dlt's state 7 MB.

One more day, read and built, costs more than with dbt snapshots, before versions and type 2
dimensions: of 5,000 orders and 40 pages of 50 members, 42.1 s of CPU where it took 35.2 s
(1.20 times; of 300 orders and 3 pages 33.2 s and 27.4 s), once each in one run of the
benchmark `history` with `--before`, next to other work. The models are more by a half, and
their tests twice as many. What the 60th day costs compared with the 10th was begun with
these models and not ended: other work had the processors.

In a DuckLake whose catalogue is a file, loads leave their staging tables in place.
Dropping them added some twenty tables to the catalogue with each load: after four reads
there were 494, and a query took 25 to 70 ms of CPU. Without, there are 113 tables in the
file, a query takes 5 to 16 ms, and a read that found changes 10 s of CPU instead of 20.

A build through Dagster has three events for each of 470 results, which are written while
dbt runs on the other core. The columns' lineage of each model is found once and kept.

`make demo` after the install takes 48 to 50 s here, where 45 were wanted: 1 s for the
sandbox, 2.5 s to register its pages, 2.5 s for the definitions, 5 s for 588 planned events,
13 s for 15 endpoints (0.5 s each are dlt's), 21 s for the models with 348 tests, 3 s to
publish.
"""
