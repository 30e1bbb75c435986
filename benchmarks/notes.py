"""What no measurement says by itself: where the time goes, and why a claim is not met."""

NOTES = """## Where the time goes

Profiles of 100,000 orders (cProfile and `getrusage`), of 2.9 s of CPU:

| part | CPU | what it is |
|---|---:|---|
| fetch | 0.5 s | 1,000 requests by aiohttp, in a thread beside the rest |
| parse | 0.5 s | Arrow's JSON parser, which lets go of the interpreter |
| columns | 0.4 s | types, keys seen before, lists exploded, Parquet written |
| load | 0.8 s | DuckDB reads the Parquet files into a staging table ... |
| merge | 0.4 s | ... and replaces by key what was there before |
| dlt | 0.4 s | configuration, schema, state and trace: the same for one record |

A bare load has the first three, once, and inserts without a file in between. The rest is
what the platform promises: a load that can be repeated, and state that is kept with it.

Of small reads the last line is the largest. dlt looks up its configuration some 2,000 times
a load, whatever is loaded; that is why 10,000 orders at 50 ms come nearer to the bare limit
the more there is to wait for.

Roster pages are taken apart by Python, one by one, because each may fail, be held back or
be unchanged by itself: of 2,000 pages' first load that is a third of the CPU.
"""
